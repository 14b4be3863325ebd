package httpserver

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"math"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"golive/httpserver/http1"
	"golive/internal/connlimit"
	"golive/internal/descriptors"
	"golive/internal/loglimit"
)

// The bounds of a connection. A response may take as long as a slow phone needs
// for a segment; a request waits three targets at the most.
const (
	headerTimeout = 10 * time.Second
	// readTimeout must not be shorter than the longest wait of a request: the end of reading
	// looks like a client that left.
	readTimeout = writeTimeout
	// bodyTimeout is how long the rest of a body may take to come when the request has
	// been answered. It is discarded; a client may not read the response before it has
	// sent everything.
	bodyTimeout = time.Second
	// sendTimeout is how long a client may take to send a body that is read.
	sendTimeout  = 5 * time.Second
	writeTimeout = 2 * time.Minute
	// idleTimeout is longer than proxies keep an idle connection, mostly a minute: a proxy that
	// closes it first never sends a request to a connection that is just being closed.
	idleTimeout     = 2 * time.Minute
	maxHeaderBytes  = 16 << 10
	shutdownTimeout = 5 * time.Second
)

// maxStreams is how many requests a connection of HTTP/2 may have under way: RFC
// 9113 section 6.5.2 asks for no less than a hundred. A page with many players, or
// a proxy, needs them; the requests of all connections are bounded by streamsPerConnection.
const maxStreams = 100

// streamsPerConnection is how many requests of HTTP/2 may be under way at once, on
// average: a low-latency player has a playlist and a part, of each of two
// renditions. One connection may have many more.
const streamsPerConnection = 4

// Server runs a handler over HTTP/1.1 and HTTP/2, with and without TLS. Serve and
// ServeTLS may be called once for each listener.
type Server struct {
	http    *http.Server
	site    Site
	slots   *connlimit.Limiter
	lines   *loglimit.Limiter // for log lines that clients can cause
	log     *slog.Logger
	metrics *Metrics

	penalties penalties
}

// Site describes the content that a Server serves.
type Site struct {
	// Section is the section of the configuration whose settings bound the Server; log
	// lines name it.
	Section string
	// Handler answers all requests.
	Handler http.Handler
	// FastPrefix is the path, with a slash at both ends, below which package http1
	// answers requests of HTTP/1.1; empty is none. Its doc.go has the rules for the
	// Handler.
	FastPrefix string
	// BodyPrefix is the path, with a slash at both ends, below which the Handler reads bodies of
	// requests, which are small; empty is none.
	BodyPrefix string
	// TLS is the configuration of ServeTLS; nil if it is not called.
	TLS *tls.Config
}

// readsBody returns whether the Handler reads the body of a request.
func (s Site) readsBody(basePath string) func(*http.Request) bool {
	return func(r *http.Request) bool {
		return s.BodyPrefix != "" && (strings.HasPrefix(r.URL.Path, s.BodyPrefix) || strings.HasPrefix(r.URL.Path, basePath+s.BodyPrefix))
	}
}

// New returns a Server for the public. It warns of a limit that cannot be kept;
// net/http's own messages go to log at debug level.
func New(cfg Config, site Site, log *slog.Logger, m *Metrics) *Server {
	most, affordable := cfg.Limits.Connections, descriptors.Divide(descriptors.Limit()).HTTP
	if most == 0 {
		most = affordable
	}
	if most > affordable {
		log.Warn("connection limit is more than there are file descriptors for: raise them (ulimit -n)",
			"setting", site.Section+".limits.connections", "limit", most, "enough_for", affordable)
	}
	if site.FastPrefix != "" {
		site.FastPrefix = cfg.BasePath + site.FastPrefix
	}
	return newServer(connlimit.Config{Slots: most, PerAddress: cfg.Limits.ConnectionsPerAddress, Trusted: cfg.Proxies()}, site, cfg.BasePath, log, m)
}

// NewPrivate returns a Server for trusted clients, with at most that many connections at
// once; 0 means no limit. Its metrics are not registered.
func NewPrivate(connections int, site Site, log *slog.Logger) *Server {
	if connections == 0 {
		connections = math.MaxInt32
	}
	return newServer(connlimit.Config{Slots: connections}, site, "", log, NewMetrics(prometheus.NewRegistry()))
}

func newServer(limits connlimit.Config, site Site, basePath string, log *slog.Logger, m *Metrics) *Server {
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	protocols.SetHTTP2(true)
	protocols.SetUnencryptedHTTP2(true) // for proxies that end TLS before us
	log = log.With("server", site.Section)
	limits.Requests = streamsPerConnection * int64(limits.Slots)
	return &Server{
		site: site, slots: connlimit.New(limits), lines: loglimit.New(log, 1), log: log, metrics: m,
		penalties: penalties{by: map[netip.Prefix]*tokens{}},
		http: &http.Server{
			Handler:           withLimits(site.Handler, site.readsBody(basePath), m),
			ConnContext:       withConn,
			Protocols:         &protocols,
			ReadHeaderTimeout: headerTimeout,
			ReadTimeout:       readTimeout,
			WriteTimeout:      writeTimeout,
			IdleTimeout:       idleTimeout,
			MaxHeaderBytes:    maxHeaderBytes,
			HTTP2: &http.HTTP2Config{
				MaxConcurrentStreams: maxStreams,
				// Bodies are small, so the window is the smallest that is allowed.
				MaxReadFrameSize:              16 << 10,
				MaxReceiveBufferPerConnection: 64 << 10,
				MaxReceiveBufferPerStream:     16 << 10,
			},
			ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
		},
	}
}

// Serve blocks until ctx is done, then lets the requests under way finish.
func (s *Server) Serve(ctx context.Context, ln net.Listener) error {
	return s.serveFast(ctx, http1.NewListener(s.limit(ln), s.site.FastPrefix, s.site.Handler, s.log))
}

// ServeTLS does the same inside TLS, with the configuration of the Site.
func (s *Server) ServeTLS(ctx context.Context, ln net.Listener) error {
	return s.serveFast(ctx, http1.NewTLSListener(s.limit(ln), s.site.TLS, s.site.FastPrefix, s.site.Handler, s.log))
}

// serveFast serves the connections that fast does not answer itself with net/http.
func (s *Server) serveFast(ctx context.Context, fast *http1.Listener) error {
	var running sync.WaitGroup
	running.Go(func() { fast.Run(context.WithoutCancel(ctx)) })
	defer running.Wait()
	return s.serve(ctx, func() error { return s.http.Serve(fast) }, fast.Shutdown)
}

// limit returns the listener of the connections for which there is a slot.
func (s *Server) limit(ln net.Listener) net.Listener {
	return &listener{Listener: ln, server: s}
}

// serve runs serve until ctx is done, and then the shutdowns besides net/http's.
func (s *Server) serve(ctx context.Context, serve func() error, shutdowns ...func(context.Context) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer s.lines.Flush()
	stopped := make(chan error, 1)
	go func() {
		<-ctx.Done()
		grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTimeout)
		defer cancel()
		var all errgroup.Group
		for _, shutdown := range append(shutdowns, s.http.Shutdown) {
			all.Go(func() error { return shutdown(grace) })
		}
		err := all.Wait()
		if err != nil {
			s.log.Info("connections were closed at shutdown", "reason", err)
			err = s.http.Close()
		}
		stopped <- err
	}()
	err := serve()
	// Another listener of the same http.Server may have returned before this one.
	wanted := ctx.Err() != nil || errors.Is(err, http.ErrServerClosed)
	cancel()
	if stopErr := <-stopped; wanted {
		return stopErr
	}
	return err
}
