package origin

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"golive/archive"
	"golive/internal/cors"
	"golive/internal/loglimit"
	"golive/origin/audience"
	"golive/playlist"
)

// Handler serves /live/ID/index.m3u8, /live/ID/RENDITION/index.m3u8,
// /live/ID/RENDITION/NAME.ts and /live/ID/replay.m3u8.
type Handler struct {
	source   Source
	audience *audience.Audience
	reads    *Reads
	sending  atomic.Int64 // stored segments and parts
	log      *slog.Logger
	lines    *loglimit.Limiter // of requests that failed
	metrics  *Metrics
}

// NewHandler serves what source knows, to the audience. reads bounds what it holds open
// of storage.
func NewHandler(source Source, a *audience.Audience, reads *Reads, log *slog.Logger, m *Metrics) *Handler {
	return &Handler{source: source, audience: a, reads: reads, log: log, lines: loglimit.New(log, 1), metrics: m}
}

// Prefix is the path below which a Handler expects its requests.
const Prefix = "/live/"

const playlistFile = "index.m3u8"

// Before serves what is below Prefix, and leaves everything else to next, odd paths
// too: what a ServeMux spends on each request is a tenth of what a playlist costs.
func (h *Handler) Before(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if p := r.URL.Path; strings.HasPrefix(p, Prefix) && !strings.Contains(p, "//") && !strings.Contains(p, "/.") && p[len(p)-1] != '/' {
			h.ServeHTTP(w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// ServeHTTP implements http.Handler.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	header["Access-Control-Allow-Origin"] = anyOrigin
	header["X-Content-Type-Options"] = noSniff
	switch r.Method {
	case http.MethodGet, http.MethodHead:
	case http.MethodOptions:
		cors.Preflight(header, r)
		header.Set("Allow", cors.Methods)
		w.WriteHeader(http.StatusNoContent)
		return
	default:
		header.Set("Allow", cors.Methods)
		http.Error(w, "only GET and HEAD are answered here", http.StatusMethodNotAllowed)
		return
	}
	began := time.Now()
	h.audience.Heard(r)
	k, out, err := h.answer(w, r)
	if err != nil && !errors.Is(err, errWritten) {
		out.status = statusOf(err)
		h.refuse(w, r, out.status, err)
	}
	h.metrics.count(k, out, time.Since(began))
}

// answer routes by the number of path segments.
func (h *Handler) answer(w http.ResponseWriter, r *http.Request) (kind, sent, error) {
	path, ok := strings.CutPrefix(r.URL.Path, Prefix)
	if !ok {
		return kindOther, sent{}, errNotFound
	}
	id, rest, ok := strings.Cut(path, "/")
	if !ok {
		return kindOther, sent{}, errNotFound
	}
	if rest == playlistFile {
		out, err := h.multivariant(w, r, id)
		return kindMultivariant, out, err
	}
	if archive.IsReplayName(rest) {
		out, err := h.replay(w, r, id, rest)
		return kindReplay, out, err
	}
	rendition, name, ok := strings.Cut(rest, "/")
	if !ok {
		return kindOther, sent{}, errNotFound
	}
	if archive.IsReplayName(name) {
		out, err := h.replay(w, r, id, rest)
		return kindReplay, out, err
	}
	window, ok := h.source.Window(id, rendition)
	if !ok {
		out, err := h.aired(w, r, id, rendition, name)
		return kindSegment, out, err
	}
	if name == playlistFile {
		h.audience.Polled(r, id, time.Duration(window.Constants().Target)*time.Second)
		out, err := h.media(w, r, window)
		return kindMedia, out, err
	}
	return h.segment(w, r, window, id, rendition, name)
}

func (h *Handler) multivariant(w http.ResponseWriter, r *http.Request, id string) (sent, error) {
	text, ok := h.source.Multivariant(id)
	if !ok {
		return sent{}, errNotFound
	}
	return writeText(w, r, text, cacheBriefly)
}

// media serves a media playlist, when the request says so not before it has what
// is asked for (section 6.2.5.2).
func (h *Handler) media(w http.ResponseWriter, r *http.Request, window *playlist.Window) (sent, error) {
	d, err := parseDirectives(r.URL.RawQuery)
	if err != nil {
		return sent{}, err
	}
	s, cache, waited := window.Snapshot(), cacheBriefly, false
	if d.block && window.LowLatency() && !s.Ended {
		if s, waited, err = h.await(r.Context(), window, d.position); err != nil {
			return sent{}, err
		}
		// What this address answers will not change: hold it while players that
		// lag a little may still ask for it.
		cache = cacheBlocked
	}
	if s.Full == nil {
		return sent{}, errNotFound
	}
	text := s.Full
	if d.delta && s.Delta != nil && !s.Ended {
		text = s.Delta
	}
	out, err := writeText(w, r, text, cache)
	if waited && err == nil {
		h.delivered(w, s.Arrived(d.position))
	}
	return out, err
}

// await waits for a position, three targets at the most; waited is false when it was
// there already.
func (h *Handler) await(ctx context.Context, window *playlist.Window, p playlist.Position) (s *playlist.Snapshot, waited bool, err error) {
	s = window.Snapshot()
	if s.Has(p) {
		return s, false, nil
	}
	if !s.Near(p, window.Constants().PartTarget) {
		return nil, false, errDirective
	}
	h.metrics.waiting.Inc()
	defer h.metrics.waiting.Dec()
	limit := 3 * time.Duration(window.Constants().Target) * time.Second
	ctx, cancel := context.WithTimeoutCause(ctx, limit, errTooLate)
	defer cancel()
	s, err = window.Await(ctx, p)
	return s, true, err
}

// delivered tells how late a part is that a request waited for.
func (h *Handler) delivered(w http.ResponseWriter, arrived time.Time) {
	if arrived.IsZero() {
		return
	}
	// Else it would be sent when the handler returns. A client that is gone by now has
	// been counted as answered.
	_ = http.NewResponseController(w).Flush()
	h.metrics.partDelay.Observe(time.Since(arrived).Seconds())
}

// segment serves a segment or part; the one that the playlist hints at, as soon
// as it exists (section 6.2.6).
func (h *Handler) segment(w http.ResponseWriter, r *http.Request, window *playlist.Window, id, rendition, name string) (kind, sent, error) {
	k := kindSegment
	if strings.Count(name, ".") > 1 {
		k = kindPart
	}
	s := window.Snapshot()
	m, ok := s.Find(name)
	var arrived time.Time
	if !ok && s.Hinted(name) {
		next, waited, err := h.await(r.Context(), window, s.Next())
		if err != nil {
			return k, sent{}, err
		}
		if m, ok = next.Find(name); waited {
			arrived = next.Arrived(s.Next())
		}
	}
	if !ok {
		out, err := h.aired(w, r, id, rendition, name)
		return k, out, err
	}
	if m.Slabs == nil {
		out, err := h.stored(w, r, m, id, rendition, name, h.source.Object)
		return k, out, err
	}
	out, err := writeSlabs(w, r, m, name)
	if err == nil {
		h.delivered(w, arrived)
	}
	return k, out, err
}

// refuse tells a client why it gets nothing. Refusals are not cached for long:
// what is missing now may come.
func (h *Handler) refuse(w http.ResponseWriter, r *http.Request, status int, err error) {
	if status == statusClientLeft {
		return
	}
	header := w.Header()
	header["Cache-Control"] = cacheBriefly
	if status == http.StatusServiceUnavailable {
		header.Set("Retry-After", "1")
	}
	message := err.Error()
	if status == http.StatusBadGateway {
		h.lines.Log(h.log, slog.LevelWarn, "request failed", "storage", "path", r.URL.Path, "err", err)
		message = "storage does not answer"
	}
	http.Error(w, message, status)
}
