package origin

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"math"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"golive/internal/descriptors"
	"golive/origin/http1"
)

// The bounds of a connection. A response may take as long as a slow phone needs
// for a segment; a request waits three targets at the most.
const (
	headerTimeout = 10 * time.Second
	// Shorter than the longest wait of a request it must not be: the end of reading
	// looks like a client that left.
	readTimeout = writeTimeout
	// bodyTimeout is how long the rest of a body may take to come when the request has
	// been answered. Nobody reads it; a client that is not done sending may not look
	// for the answer.
	bodyTimeout  = time.Second
	writeTimeout = 2 * time.Minute
	// Longer than proxies keep a connection that they do not use, a minute mostly: who
	// closes it first cannot be surprised.
	idleTimeout     = 2 * time.Minute
	maxHeaderBytes  = 16 << 10
	shutdownTimeout = 5 * time.Second
)

// maxStreams is how many requests a connection of HTTP/2 may have under way: RFC
// 9113 section 6.5.2 asks for no less than a hundred. A page with many players, or
// a proxy, needs them; what they cost in all is bounded by places.
const maxStreams = 100

// Server runs a handler over HTTP/1.1 and HTTP/2, with and without TLS. Serve and
// ServeTLS may be called once for each listener.
type Server struct {
	http    *http.Server
	players http.Handler // what http1 answers with
	prefix  string       // of what it answers
	places  *places
	log     *slog.Logger
	metrics *ServerMetrics

	refusals, floods *notice
}

// NewServer makes a server for those who are trusted, for so many connections at once;
// 0 is no limit. net/http's own complaints go to log.
func NewServer(connections int, handler http.Handler, log *slog.Logger) *Server {
	if connections == 0 {
		connections = math.MaxInt32
	}
	return newServer(newPlaces(connections, 0, nil), nil, handler, log, NewServerMetrics(prometheus.NewRegistry()))
}

// NewPublicServer makes a server for everybody. config is what ServeTLS listens
// with; nil if it is not called.
func NewPublicServer(cfg Config, config *tls.Config, handler http.Handler, log *slog.Logger, m *ServerMetrics) *Server {
	most, affordable := cfg.Limits.Connections, descriptors.Divide(descriptors.Limit()).HTTP
	if most == 0 {
		most = affordable
	}
	if most > affordable {
		log.Warn("origin.limits.connections is more than there are file descriptors for: raise them (ulimit -n)", "limit", most, "enough_for", affordable)
	}
	s := newServer(newPlaces(most, cfg.Limits.ConnectionsPerAddress, cfg.Proxies()), config, handler, log, m)
	s.prefix = cfg.BasePath + Prefix
	return s
}

func newServer(p *places, config *tls.Config, handler http.Handler, log *slog.Logger, m *ServerMetrics) *Server {
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	protocols.SetHTTP2(true)
	protocols.SetUnencryptedHTTP2(true) // for proxies that end TLS before us
	return &Server{
		players: handler, prefix: Prefix, places: p, log: log, metrics: m,
		refusals: &notice{log: log, level: slog.LevelWarn, message: "viewers were refused: a limit of origin.limits is reached"},
		floods:   &notice{log: log, level: slog.LevelWarn, message: "connections were closed: the client sends too much that is no request"},
		http: &http.Server{
			Handler:           bound(handler, m),
			ConnContext:       withConn,
			Protocols:         &protocols,
			TLSConfig:         config,
			ReadHeaderTimeout: headerTimeout,
			ReadTimeout:       readTimeout,
			WriteTimeout:      writeTimeout,
			IdleTimeout:       idleTimeout,
			MaxHeaderBytes:    maxHeaderBytes,
			HTTP2: &http.HTTP2Config{
				MaxConcurrentStreams: maxStreams,
				// Nobody sends a body, so none needs room: the least that is allowed.
				MaxReadFrameSize:              16 << 10,
				MaxReceiveBufferPerConnection: 64 << 10,
				MaxReceiveBufferPerStream:     16 << 10,
			},
			ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
		},
	}
}

// Serve blocks until ctx is done, then lets the requests under way finish. What
// players ask for does not reach net/http.
func (s *Server) Serve(ctx context.Context, ln net.Listener) error {
	players := http1.NewListener(s.let(ln), s.prefix, s.players, s.log)
	var running sync.WaitGroup
	running.Go(func() { players.Run(context.WithoutCancel(ctx)) })
	defer running.Wait()
	return s.serve(ctx, func() error { return s.http.Serve(players) }, players.Shutdown)
}

// ServeTLS does the same inside TLS, where net/http answers everything.
func (s *Server) ServeTLS(ctx context.Context, ln net.Listener) error {
	return s.serve(ctx, func() error { return s.http.ServeTLS(s.let(ln), "", "") })
}

// let lets in those for whom there is a place.
func (s *Server) let(ln net.Listener) net.Listener {
	return &listener{Listener: ln, places: s.places, metrics: s.metrics, refusals: s.refusals, floods: s.floods}
}

// serve runs serve until ctx is done, and then the shutdowns besides net/http's.
func (s *Server) serve(ctx context.Context, serve func() error, shutdowns ...func(context.Context) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
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
			err = s.http.Close()
		}
		stopped <- err
	}()
	err := serve()
	// Another door of the same http.Server may have heard of the end before this one.
	wanted := ctx.Err() != nil || errors.Is(err, http.ErrServerClosed)
	cancel()
	if stopErr := <-stopped; wanted {
		return stopErr
	}
	return err
}
