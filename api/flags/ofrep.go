package flags

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"golive/rollout"
)

const (
	// keepAnswer is how long an answer of the service counts.
	keepAnswer = 5 * time.Second
	// askTimeout is how long the service may take.
	askTimeout = time.Second
	// pause is how long the service is not asked after it did not reply.
	pause = 2 * time.Second
	// maxAnswers bounds how many answers are kept.
	maxAnswers = 10_000
	// maxResponse bounds a response, in bytes.
	maxResponse = 64 << 10
)

// service asks a flag service.
type service struct {
	url    string
	config rollout.Config
	log    *slog.Logger
	client *http.Client
	calls  singleflight.Group

	mu      sync.Mutex
	answers map[rollout.User]kept
	away    time.Time // it is not asked until then
}

// kept is an answer and how long it counts.
type kept struct {
	decision rollout.Decision
	until    time.Time
}

func newService(c rollout.Config, log *slog.Logger) *service {
	return &service{
		url:    strings.TrimSuffix(c.OFREPURL, "/") + "/ofrep/v1/evaluate/flags/" + url.PathEscape(c.OFREPFlag),
		config: c, log: log, answers: map[rollout.User]kept{},
		client: &http.Client{
			Timeout:       askTimeout,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }, // the token is for this server only
		},
	}
}

// decide returns the service's answer for a user, or the configured one when it does not reply.
func (s *service) decide(ctx context.Context, u rollout.User) rollout.Decision {
	now := time.Now()
	s.mu.Lock()
	old, ok := s.answers[u]
	away := now.Before(s.away)
	s.mu.Unlock()
	switch {
	case ok && now.Before(old.until):
		return old.decision
	case away:
		return s.unanswered()
	}
	d, err, _ := s.calls.Do(fmt.Sprintf("%#v", u), func() (any, error) {
		// Others wait for this answer too.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), askTimeout)
		defer cancel()
		d, err := s.ask(ctx, u)
		s.keep(u, d, err)
		return d, err
	})
	if err != nil {
		return s.unanswered()
	}
	answer, _ := d.(rollout.Decision)
	return answer
}

// keep keeps an answer, or that there was none.
func (s *service) keep(u rollout.User, d rollout.Decision, err error) {
	now := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil {
		if now.After(s.away) { // requests that wait at the same time log one line
			s.log.Warn("flag service did not answer", "setting", "rollout.ofrep_url", "err", err, "answer", s.config.OFREPDefault)
		}
		s.away = now.Add(pause)
		return
	}
	if len(s.answers) >= maxAnswers {
		for user, a := range s.answers {
			if now.After(a.until) {
				delete(s.answers, user)
			}
		}
	}
	if len(s.answers) < maxAnswers {
		s.answers[u] = kept{d, now.Add(keepAnswer)}
	}
}

// failed is the reason when the service does not answer.
const failed rollout.Reason = "ERROR"

// unanswered is the answer when the service does not reply.
func (s *service) unanswered() rollout.Decision {
	return rollout.Decision{
		Allowed: s.config.OFREPDefault == rollout.DefaultAllow, Reason: failed,
		Message: "The flag service did not answer: rollout.ofrep_default is " + s.config.OFREPDefault + ".",
	}
}

// evaluation is a response of the service.
type evaluation struct {
	Value   json.RawMessage `json:"value"`
	Reason  string          `json:"reason"`
	Variant string          `json:"variant"`
}

// ask asks the service.
func (s *service) ask(ctx context.Context, u rollout.User) (rollout.Decision, error) {
	body, err := json.Marshal(map[string]any{"context": contextOf(u)})
	if err != nil {
		return rollout.Decision{}, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url, bytes.NewReader(body))
	if err != nil {
		return rollout.Decision{}, err
	}
	r.Header.Set("Content-Type", "application/json")
	if !s.config.OFREPToken.Empty() {
		r.Header.Set("Authorization", "Bearer "+s.config.OFREPToken.Reveal())
	}
	response, err := s.client.Do(r)
	if err != nil {
		return rollout.Decision{}, err
	}
	text, err := io.ReadAll(io.LimitReader(response.Body, maxResponse))
	if err = errors.Join(err, response.Body.Close()); err != nil {
		return rollout.Decision{}, err
	}
	if response.StatusCode != http.StatusOK {
		return rollout.Decision{}, fmt.Errorf("the service answered %s", response.Status)
	}
	return decisionOf(text)
}

// decisionOf reads a response. The flag must be boolean.
func decisionOf(text []byte) (rollout.Decision, error) {
	var e evaluation
	if err := json.Unmarshal(text, &e); err != nil {
		return rollout.Decision{}, fmt.Errorf("the service's answer is not JSON: %w", err)
	}
	d := rollout.Decision{Reason: rollout.Reason(e.Reason)}
	if err := json.Unmarshal(e.Value, &d.Allowed); err != nil || string(e.Value) == "null" {
		return rollout.Decision{}, errors.New("the service's answer has no boolean value")
	}
	d.Message = "The flag service lets this user go live."
	if !d.Allowed {
		d.Message = "The flag service does not let this user go live."
	}
	return d, nil
}

// contextOf returns what the service is told of a user. Attributes that are not known are left out.
func contextOf(u rollout.User) map[string]any {
	c := map[string]any{"targetingKey": u.ID}
	for name, value := range map[string]string{"platform": u.Platform, "app_version": u.AppVersion, "country": u.Country} {
		if value != "" {
			c[name] = value
		}
	}
	if !u.Created.IsZero() {
		c["account_created"] = u.Created.UTC().Format(time.RFC3339)
	}
	if u.Followers > 0 {
		c["followers"] = u.Followers
	}
	return c
}
