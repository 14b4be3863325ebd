package websocket

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync"

	"golive/ingest"
	"golive/internal/connlimit"
)

// Path is the pattern of the requests that a Server handles, for an http.ServeMux.
const Path = "GET /v1/broadcasts/{id}/publish"

// protocol is the protocol's name in requests, logs and metrics.
const protocol = "websocket"

// The subprotocols (RFC 6455 section 1.9) that a peer offers: the one that is selected, and one that
// carries the stream key, which a page cannot send in a header.
const (
	subprotocol = "golive.flv"
	keyPrefix   = "golive.key."
)

// Limits of what the peers of one address may send without publishing, in bytes: each attempt
// counts for attemptCost.
const (
	attemptCost   = 4 << 10
	attemptsRate  = 256 << 10 // per second
	attemptsBurst = 8 << 20
)

// Site is where a Server is reached.
type Site struct {
	// AllowOrigin reports whether pages of an origin ("https://www.example.com") may publish. Those
	// of the server's own host always may.
	AllowOrigin func(origin string) bool
	// Proxies are the networks whose X-Forwarded-For is believed.
	Proxies []netip.Prefix
}

// Server serves publishers over WebSocket. It may be used by many goroutines.
type Server struct {
	cfg      ingest.Config
	site     Site
	sessions *ingest.Sessions
	log      *slog.Logger
	slots    *connlimit.Limiter

	mu      sync.Mutex
	live    map[*session]struct{}
	closing bool
	running sync.WaitGroup // of live
}

// NewServer returns a Server. It refuses publishers when Run has ended.
func NewServer(cfg ingest.Config, site Site, publishers *ingest.Sessions, log *slog.Logger) *Server {
	return &Server{
		cfg: cfg, site: site, sessions: publishers, log: log,
		slots: connlimit.New(connlimit.Config{
			Slots: cfg.Limits.Connections, Trusted: site.Proxies, Rate: attemptsRate, Burst: attemptsBurst,
		}),
		live: map[*session]struct{}{},
	}
}

// Run blocks until ctx is done, then ends all sessions with ingest.ErrClosing, waits for them and
// returns nil.
func (s *Server) Run(ctx context.Context) error {
	<-ctx.Done()
	s.mu.Lock()
	s.closing = true
	for session := range s.live {
		session.evict(ingest.ErrClosing)
	}
	s.mu.Unlock()
	s.running.Wait()
	s.sessions.Lines.Flush()
	return nil
}

// ServeHTTP serves one publisher, until its connection is closed.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.ProtoMajor != 1 || !hasToken(r.Header["Connection"], "upgrade") || !hasToken(r.Header["Upgrade"], "websocket") {
		if r.ProtoMajor == 1 { // HTTP/2 has no such headers (RFC 9113 section 8.2.2)
			w.Header().Set("Connection", "Upgrade")
			w.Header().Set("Upgrade", "websocket")
		}
		http.Error(w, "this address takes WebSocket connections over HTTP/1.1: see ingest.websocket of the broadcast", http.StatusUpgradeRequired)
		return
	}
	if origin := r.Header.Get("Origin"); !s.allows(origin, r.Host) {
		http.Error(w, "pages of this origin may not publish: add it to api.cors_origins", http.StatusForbidden)
		return
	}
	s.serve(w, r)
}

// serve serves one publisher. What it cannot have is told to it after the upgrade: a page cannot read
// the response to a failed one.
func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	ctx, evict := context.WithCancelCause(context.WithoutCancel(r.Context()))
	defer evict(nil)
	session := s.newSession(r, evict)
	if !s.enter(session) {
		w.Header().Set("Retry-After", "1")
		http.Error(w, ingest.ErrClosing.Error(), http.StatusServiceUnavailable)
		return
	}
	defer s.leave(session)
	defer s.sessions.Metrics().Connected()()
	if !session.accept(w, r) {
		return
	}
	stop := context.AfterFunc(ctx, session.conn.peer.Interrupt)
	defer stop()
	slot, refusal := s.slots.Take(session.offer.remote, func() { evict(errReclaimed) })
	if refusal != "" {
		session.end(&ingest.CutError{Err: errFull})
		return
	}
	session.slot = slot
	defer slot.Release()
	session.run(ctx)
}

// enter adds a session, unless the server is stopping.
func (s *Server) enter(one *session) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing {
		return false
	}
	s.live[one] = struct{}{}
	s.running.Add(1)
	return true
}

// leave removes a session.
func (s *Server) leave(one *session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.live, one)
	s.running.Done()
}

// allows reports whether a page of that origin may publish at host. Only browsers send an origin.
func (s *Server) allows(origin, host string) bool {
	if origin == "" || s.site.AllowOrigin(origin) {
		return true
	}
	u, err := url.Parse(origin)
	return err == nil && strings.EqualFold(u.Host, host)
}

// clientOf returns the address of the client of a request, which may have come through a proxy.
func (s *Server) clientOf(r *http.Request) net.Addr {
	at, _ := netip.ParseAddrPort(r.RemoteAddr) // zero if it has none
	client := connlimit.Client(r.RemoteAddr, r.Header["X-Forwarded-For"], s.site.Proxies)
	return net.TCPAddrFromAddrPort(netip.AddrPortFrom(client, at.Port()))
}

// hasToken reports whether a list of tokens has one, which is in lower case.
func hasToken(values []string, token string) bool {
	return slices.ContainsFunc(tokens(values), func(t string) bool { return strings.EqualFold(t, token) })
}

// tokens returns the elements of the values of a header.
func tokens(values []string) (all []string) {
	for _, v := range values {
		for t := range strings.SplitSeq(v, ",") {
			all = append(all, strings.Trim(t, " \t"))
		}
	}
	return all
}
