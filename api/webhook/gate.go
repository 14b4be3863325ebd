package webhook

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golive/ingest"
	"golive/internal/loglimit"
	"golive/registry"
)

// Records finds the record of a broadcast, from memory.
type Records interface {
	FindBroadcast(id string) (registry.Broadcast, bool)
}

// Gate is an ingest.PublishHandler that asks the admission webhook whether a publisher may publish,
// before another PublishHandler gets it. Only that publisher waits for the answer.
type Gate struct {
	cfg     AdmissionConfig
	client  *client
	records Records
	next    ingest.PublishHandler
	log     *slog.Logger
	lines   *loglimit.Limiter
	metrics *Metrics
}

// NewGate returns a Gate before next, reading its secret's file.
func NewGate(cfg AdmissionConfig, records Records, next ingest.PublishHandler, log *slog.Logger, m *Metrics) (*Gate, error) {
	c, err := newClient(endpoint{cfg.URL, cfg.Secret, cfg.SecretFile, cfg.AllowPrivate})
	if err != nil {
		return nil, fmt.Errorf("admission: %w", err)
	}
	return &Gate{cfg: cfg, client: c, records: records, next: next, log: log, lines: loglimit.New(log, linesPerSecond), metrics: m}, nil
}

// Publish implements ingest.PublishHandler.
func (g *Gate) Publish(ctx context.Context, id string, p ingest.Publisher) (ingest.Sink, error) {
	if err := g.ask(ctx, id, &p); err != nil {
		return nil, err
	}
	return g.next.Publish(ctx, id, p)
}

// ask returns nil if the publisher is admitted.
func (g *Gate) ask(ctx context.Context, id string, p *ingest.Publisher) error {
	asking, cancel := context.WithTimeoutCause(ctx, g.cfg.Timeout, errNoAnswer)
	defer cancel()
	allowed, reason, err := g.request(asking, id, p)
	switch {
	case err == nil && allowed:
		g.metrics.admissions.WithLabelValues(admissionAllowed).Inc()
		return nil
	case err == nil:
		g.metrics.admissions.WithLabelValues(admissionRefused).Inc()
		if reason == "" {
			return ingest.ErrRefused
		}
		return fmt.Errorf("%w: %s", ingest.ErrRefused, reason)
	case ctx.Err() != nil:
		return context.Cause(ctx)
	}
	if asking.Err() != nil {
		err = context.Cause(asking)
	}
	g.metrics.admissions.WithLabelValues(admissionFailed).Inc()
	g.lines.Log(g.log, slog.LevelWarn, "admission webhook did not answer", reasonOf(err),
		"host", g.client.host, "broadcast", id, "on_failure", string(g.cfg.OnFailure), "err", err)
	if g.cfg.OnFailure == Allow {
		return nil
	}
	return fmt.Errorf("%w: nobody can say whether you may publish, try again", ingest.ErrUnavailable)
}

// request asks the webhook.
func (g *Gate) request(ctx context.Context, id string, p *ingest.Publisher) (allowed bool, reason string, err error) {
	messageID := "adm_" + rand.Text()
	data := admissionData{ID: messageID, BroadcastID: id, Protocol: p.Protocol, RemoteAddress: p.Remote, Encoder: p.Encoder}
	if b, found := g.records.FindBroadcast(id); found {
		data.Channel, data.Owner = b.Channel, b.Owner
	}
	body, err := json.Marshal(message{Type: admissionType, Timestamp: time.Now().UTC(), Data: data})
	if err != nil {
		return false, "", err
	}
	text, err := g.client.post(ctx, messageID, body)
	if err != nil {
		return false, "", err
	}
	var answer struct {
		Allowed *bool  `json:"allowed"`
		Reason  string `json:"reason"`
	}
	if json.Unmarshal(text, &answer) != nil || answer.Allowed == nil {
		return false, "", errAnswer
	}
	return *answer.Allowed, cleanReason(answer.Reason), nil
}

var errAnswer = errors.New(`answer is not {"allowed": true or false, "reason": "..."}`)

// maxReason is how much of a reason is told to the encoder, in bytes.
const maxReason = 200

// cleanReason returns a reason as one line of printable text, of at most maxReason bytes.
func cleanReason(s string) string {
	clean := strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case r == utf8.RuneError || !unicode.IsPrint(r):
			return -1
		}
		return r
	}, s)
	clean = strings.Join(strings.Fields(clean), " ")
	if len(clean) <= maxReason {
		return clean
	}
	end := maxReason
	for !utf8.RuneStart(clean[end]) {
		end--
	}
	return strings.TrimSpace(clean[:end])
}
