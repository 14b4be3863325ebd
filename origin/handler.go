package origin

import (
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

// Handler serves /live/ID/index.m3u8, /live/ID/RENDITION/index.m3u8, the same with ts.m3u8,
// /live/ID/RENDITION/NAME.ts, .m4s and .mp4, /live/ID/replay.m3u8, and pictures. After ID there
// may be /~TOKEN, a playback token; since playlists name what they list by relative addresses,
// these have it too.
type Handler struct {
	source   Source
	guard    Guard
	audience *audience.Audience
	reads    *ReadLimiter
	cache    *cache
	sending  atomic.Int64 // segments and parts that are not in memory
	log      *slog.Logger
	lines    *loglimit.Limiter // of requests that failed
	metrics  *Metrics
}

// NewHandler returns a Handler that serves the broadcasts of source to whom the guard admits, and
// counts viewers. The ReadLimiter bounds what it holds open of storage.
func NewHandler(cfg Config, source Source, g Guard, a *audience.Audience, reads *ReadLimiter, log *slog.Logger, m *Metrics) *Handler {
	return &Handler{
		source: source, guard: g, audience: a, reads: reads, cache: newCache(int64(cfg.ReplayCache), reads),
		log: log, lines: loglimit.New(log, 1), metrics: m,
	}
}

// Prefix is the path below which a Handler expects its requests.
const Prefix = "/live/"

// Before returns a handler that serves what is below Prefix, and leaves everything else to
// next, also channels and paths that are not clean. It saves the ServeMux, a tenth of what a playlist
// costs.
func (h *Handler) Before(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if p := r.URL.Path; strings.HasPrefix(p, Prefix) && !strings.HasPrefix(p[len(Prefix):], "@") && !strings.Contains(p, "//") && !strings.Contains(p, "/.") && p[len(p)-1] != '/' {
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
	if !cors.OnlyReads(w, r, func(status int, message string) { http.Error(w, message, status) }) {
		return
	}
	began := time.Now()
	h.audience.CountStall(r)
	k, out, err := h.answer(w, r)
	if err != nil && !errors.Is(err, errWritten) {
		out.status = statusOf(err)
		h.refuse(w, r, out.status, err)
	}
	h.metrics.count(k, out, time.Since(began))
}

// answer checks who may have what is requested, and routes by its kind.
func (h *Handler) answer(w http.ResponseWriter, r *http.Request) (kind, sent, error) {
	f, ok := parsePath(r.URL.Path)
	if !ok {
		return kindOther, sent{}, playlist.ErrNotFound
	}
	k := f.kind()
	if err := h.guard.admit(&f, k); err != nil {
		return k, sent{}, err
	}
	var out sent
	var err error
	switch k {
	case kindMultivariant:
		out, err = h.multivariant(w, r, f)
	case kindMedia:
		out, err = h.media(w, r, f)
	case kindReplay:
		out, err = h.replay(w, r, f)
	case kindPicture:
		out, err = h.picture(w, r, f)
	case kindPart:
		out, err = h.part(w, r, f)
	case kindSegment:
		out, err = h.segment(w, r, f)
	default:
		err = playlist.ErrNotFound
	}
	return k, out, err
}

func (h *Handler) multivariant(w http.ResponseWriter, r *http.Request, f resource) (sent, error) {
	h.metrics.waiting.Inc() // that of MPEG-TS may wait for the first segment
	p, err := h.source.Playlist(r.Context(), f.id, "", f.name, playlist.Directives{})
	h.metrics.waiting.Dec()
	if err != nil {
		return sent{}, err
	}
	return writeText(w, r, p.Text, playlistType, cacheBriefly)
}

// replay serves the playlist of a broadcast that has ended.
func (h *Handler) replay(w http.ResponseWriter, r *http.Request, f resource) (sent, error) {
	end, err := h.reads.Begin(r.Context(), r.RemoteAddr)
	if err != nil {
		return sent{}, err
	}
	p, err := h.source.Playlist(r.Context(), f.id, f.rendition, f.name, playlist.Directives{})
	end()
	if err != nil {
		return sent{}, err
	}
	cache := f.keepFor(cacheReplay)
	if f.name == archive.ReplayName { // the next broadcast under the same id takes it over
		cache = cacheBriefly
	}
	return writeText(w, r, p.Text, playlistType, cache)
}

// media serves a media playlist, and counts the viewer.
func (h *Handler) media(w http.ResponseWriter, r *http.Request, f resource) (sent, error) {
	d, err := parseDirectives(r.URL.RawQuery)
	if err != nil {
		return sent{}, err
	}
	h.metrics.waiting.Inc() // also without directives it may wait, for the first segment
	p, err := h.source.Playlist(r.Context(), f.id, f.rendition, f.name, d)
	h.metrics.waiting.Dec()
	if p.Target > 0 {
		h.audience.CountViewer(r, f.id, p.Target)
	}
	if err != nil {
		return sent{}, err
	}
	cache := cacheBriefly
	if p.Blocking { // this address will always have this answer; players that lag a little may still ask
		cache = cacheBlocked
	}
	out, err := writeText(w, r, p.Text, playlistType, cache)
	if err == nil {
		h.delivered(w, p.Arrived)
	}
	return out, err
}

// delivered measures how late a part is that a request waited for.
func (h *Handler) delivered(w http.ResponseWriter, arrived time.Time) {
	if arrived.IsZero() {
		return
	}
	// Without it the response would be sent when the handler returns. An error means that
	// the client has left, and is counted elsewhere.
	_ = http.NewResponseController(w).Flush()
	h.metrics.partDelay.Observe(time.Since(arrived).Seconds())
}

// part serves a part; the one that the playlist hints at, as soon as it exists.
func (h *Handler) part(w http.ResponseWriter, r *http.Request, f resource) (sent, error) {
	h.metrics.waiting.Inc()
	m, err := h.source.Media(r.Context(), f.id, f.rendition, f.name)
	h.metrics.waiting.Dec()
	if err != nil {
		return sent{}, err
	}
	out, err := h.write(w, r, m, f)
	if err == nil {
		h.delivered(w, m.Arrived)
	}
	return out, err
}

func (h *Handler) segment(w http.ResponseWriter, r *http.Request, f resource) (sent, error) {
	m, err := h.source.Media(r.Context(), f.id, f.rendition, f.name)
	if err != nil {
		return sent{}, err
	}
	return h.write(w, r, m, f)
}

// write sends a segment or part from wherever it is.
func (h *Handler) write(w http.ResponseWriter, r *http.Request, m playlist.Media, f resource) (sent, error) {
	if m.Slabs == nil {
		return h.sendStored(w, r, m, f)
	}
	return writeSlabs(w, r, m, f.name, f.keepFor(cacheForever))
}

// refuse responds with an error. It is not cached for long: what is missing now may exist
// soon.
func (h *Handler) refuse(w http.ResponseWriter, r *http.Request, status int, err error) {
	if status == statusClientLeft {
		return
	}
	header := w.Header()
	header["Cache-Control"] = cacheBriefly
	switch status {
	case http.StatusServiceUnavailable:
		header.Set("Retry-After", "1")
	case http.StatusForbidden: // what is refused now may be allowed at once
		header["Cache-Control"] = cacheNothing
	}
	message := err.Error()
	if status == http.StatusBadGateway {
		h.lines.Log(h.log, slog.LevelWarn, "request failed", "storage", "path", withoutToken(r.URL.Path), "err", err)
		message = "storage does not answer"
	}
	http.Error(w, message, status)
}
