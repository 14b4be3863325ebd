package whip

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"mime"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"

	"golive/ingest"
	"golive/internal/connlimit"
	"golive/internal/cors"
)

const (
	// Path is where publishers begin sessions. The session's own URL is below it.
	Path = "/v1/whip"
	// The content type of descriptions.
	offerType = "application/sdp"
)

// Limits of the requests of one address that begin a session: each counts its bytes, and attemptCost
// more.
const (
	attemptCost   = 4 << 10
	attemptsRate  = 256 << 10 // per second
	attemptsBurst = 8 << 20
)

// Register adds the addresses of the server to mux.
func (s *Server) Register(mux *http.ServeMux) {
	mux.HandleFunc(Path, func(w http.ResponseWriter, r *http.Request) {
		s.answer(w, r, map[string]func(http.ResponseWriter, *http.Request) error{http.MethodPost: s.post})
	})
	mux.HandleFunc(Path+"/{session}", func(w http.ResponseWriter, r *http.Request) {
		s.answer(w, r, map[string]func(http.ResponseWriter, *http.Request) error{http.MethodPatch: s.patch, http.MethodDelete: s.delete})
	})
}

// answer answers a request with the handler of its method.
func (s *Server) answer(w http.ResponseWriter, r *http.Request, handlers map[string]func(http.ResponseWriter, *http.Request) error) {
	h := w.Header()
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	h.Add("Vary", "Origin")
	if origin := r.Header.Get("Origin"); origin != "" && s.options.AllowOrigin(origin) {
		h.Set("Access-Control-Allow-Origin", origin)
	}
	h.Set("Access-Control-Expose-Headers", "Location, ETag, Link, Accept-Patch, Retry-After, WWW-Authenticate")
	methods := strings.Join(append([]string{http.MethodOptions}, slices.Sorted(maps.Keys(handlers))...), ", ")
	handle := handlers[r.Method]
	switch {
	case handle != nil:
		if err := handle(w, r); err != nil {
			refuse(w, err)
		}
	case r.Method == http.MethodOptions:
		cors.Preflight(h, r)
		h.Set("Access-Control-Allow-Methods", methods)
		h.Set("Allow", methods)
		if handlers[http.MethodPost] != nil {
			h.Set("Accept-Post", offerType)
		}
		w.WriteHeader(http.StatusNoContent)
	default:
		h.Set("Allow", methods)
		refuse(w, &httpError{http.StatusMethodNotAllowed, "only " + methods + " are answered here"})
	}
}

// post begins a session (RFC 9725 section 4.2).
func (s *Server) post(w http.ResponseWriter, r *http.Request) error {
	remote := s.remoteOf(r)
	serving := s.enter()
	if serving == nil {
		return &ingest.CutError{Err: ingest.ErrClosing}
	}
	begun := false
	defer func() {
		if !begun {
			s.leave()
		}
	}()
	ctx, end := context.WithCancelCause(serving.ctx)
	slot, refusal := s.slots.Take(net.TCPAddrFromAddrPort(remote), func() { end(errReclaimed) })
	if refusal != "" {
		end(nil)
		s.sessions.Metrics().Refused(protocol, ingest.RefusedLimit)
		return &httpError{http.StatusServiceUnavailable, "too many publishers are connected: try again later"}
	}
	log := s.sessions.Logger(protocol, remote.String())
	one := &session{server: s, id: rand.Text(), slot: slot, began: time.Now(), ending: ending{end: end, over: ctx.Done(), done: make(chan struct{})}}
	answer, err := s.begin(r, serving, one, remote, log)
	if err != nil {
		end(nil)
		slot.Release()
		return err
	}
	begun = true
	s.remember(one)
	go func() {
		defer s.leave()
		defer end(nil)
		one.run(ctx, log)
	}()
	h := w.Header()
	h.Set("Content-Type", offerType)
	h.Set("Location", s.options.BasePath+Path+"/"+one.id)
	h.Set("ETag", one.peer.entityTag())
	h.Set("Accept-Patch", fragmentType)
	w.WriteHeader(http.StatusCreated)
	_, _ = io.WriteString(w, answer) // the client may be gone; then nothing connects
	return nil
}

// begin admits the publisher of a request, and answers its offer. Nothing is made for one that is not
// admitted.
func (s *Server) begin(r *http.Request, serving *serving, one *session, remote netip.AddrPort, log *slog.Logger) (answer string, err error) {
	key, ok := bearer(r)
	if !ok {
		return "", &httpError{http.StatusUnauthorized, "send Authorization: Bearer KEY, with the stream key"}
	}
	text, err := readBody(r, offerType)
	if err != nil {
		return "", err
	}
	if !one.slot.Spend(len(text) + attemptCost) {
		return "", &httpError{http.StatusTooManyRequests, "too many attempts from this address: try again later"}
	}
	offered, err := parseOffer(text)
	if err != nil {
		return "", s.refused(log, err)
	}
	req := ingest.Request{Protocol: protocol, Remote: remote.String(), App: "whip", Name: key, CommonClock: true, Encoder: r.UserAgent()}
	one.Session, err = s.sessions.Publish(r.Context(), req, one.ending.end, one, log)
	if err != nil {
		return "", s.refused(log, err)
	}
	one.slot.SetRank(connlimit.Admitted)
	one.peer, err = newPeer(offered, serving.settings, s.certificate)
	if err == nil {
		if answer, err = one.peer.begin(r.Context()); err == nil {
			return answer, nil
		}
		one.peer.close()
	}
	if errors.Is(err, errSyntax) || errors.Is(err, errCodecs) {
		err = &ingest.ProtocolError{Op: "answer the offer", Err: err}
	} else {
		log.Warn("connection failed", "err", err)
		err = ingest.ErrInternal
	}
	one.End(err)
	return "", err
}

// refused counts and logs a publisher that is not admitted, and returns err.
func (s *Server) refused(log *slog.Logger, err error) error {
	v := ingest.OutcomeOf(err)
	if errors.Is(err, errSyntax) || errors.Is(err, errCodecs) {
		v.Refusal = ingest.RefusedProtocol
	}
	s.sessions.Refused(log, v.Level, protocol, v.Refusal, "err", err)
	return err
}

// delete ends a session (RFC 9725 section 4.2).
func (s *Server) delete(w http.ResponseWriter, r *http.Request) error {
	one := s.find(r.PathValue("session"))
	if one == nil {
		return errNoSession()
	}
	s.forget(one.id)
	one.ending.end(errStopped)
	select {
	case <-one.ending.done:
	case <-r.Context().Done():
	}
	w.WriteHeader(http.StatusOK)
	return nil
}

// patch takes candidates, or restarts ICE (RFC 9725 section 4.3).
func (s *Server) patch(w http.ResponseWriter, r *http.Request) error {
	one := s.find(r.PathValue("session"))
	if one == nil {
		return errNoSession()
	}
	text, err := readBody(r, fragmentType)
	if err != nil {
		return err
	}
	f, err := parseFragment(text)
	if err != nil {
		return err
	}
	p, match := one.peer, r.Header.Get("If-Match")
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case match == "":
		return &httpError{http.StatusPreconditionRequired, `send If-Match, with the ETag for candidates, or "*" to restart ICE`}
	case match != "*" && match != `"*"` && match != p.tag:
		return &httpError{http.StatusPreconditionFailed, "ICE was restarted meanwhile: the ETag is that of an earlier ICE session"}
	case f.user != "" && f.user != userOf(p.offer):
		answer, err := p.restart(r.Context(), f)
		if err == nil {
			err = p.addCandidates(f)
		}
		if err != nil {
			return err
		}
		w.Header().Set("Content-Type", fragmentType)
		w.Header().Set("ETag", p.tag)
		_, _ = io.WriteString(w, answer) // the client may be gone; then nothing connects
		return nil
	}
	if err := p.addCandidates(f); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// remoteOf returns the address of the client.
func (s *Server) remoteOf(r *http.Request) netip.AddrPort {
	peer, _ := netip.ParseAddrPort(r.RemoteAddr) // the zero value has no share of its own
	return netip.AddrPortFrom(connlimit.Client(r.RemoteAddr, r.Header["X-Forwarded-For"], s.options.Proxies), peer.Port())
}

// bearer returns the token of a request (RFC 6750 section 2.1).
func bearer(r *http.Request) (string, bool) {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	token = strings.TrimSpace(token)
	return token, strings.EqualFold(scheme, "Bearer") && token != ""
}

// readBody returns the body of a request, which must have that content type.
func readBody(r *http.Request, want string) (string, error) {
	if got, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || got != want {
		return "", &httpError{http.StatusUnsupportedMediaType, "send Content-Type: " + want}
	}
	b, err := io.ReadAll(io.LimitReader(r.Body, maxOffer+1))
	switch {
	case err != nil:
		return "", &httpError{http.StatusBadRequest, "the body was not received"}
	case len(b) > maxOffer:
		return "", &httpError{http.StatusRequestEntityTooLarge, fmt.Sprintf("the body has more than %d bytes", maxOffer)}
	}
	return string(b), nil
}
