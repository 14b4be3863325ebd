package origin

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"time"
)

// The bounds of a connection. A response may take as long as a slow phone needs
// for a segment; a request waits three targets at the most.
const (
	headerTimeout = 10 * time.Second
	// A request has no body; one that announces a body is not waited for longer than
	// for a response. Shorter than the longest wait of a request it must not be: the
	// end of reading looks like a client that left.
	readTimeout     = writeTimeout
	writeTimeout    = 2 * time.Minute
	idleTimeout     = 2 * time.Minute
	maxHeaderBytes  = 16 << 10
	shutdownTimeout = 5 * time.Second
)

// Server runs a handler over HTTP.
type Server struct {
	http *http.Server
}

// NewServer makes a server for handler; net/http's own complaints go to log.
func NewServer(handler http.Handler, log *slog.Logger) *Server {
	return &Server{http: &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}}
}

// Serve blocks until ctx is done, then lets the requests under way finish.
func (s *Server) Serve(ctx context.Context, ln net.Listener) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stopped := make(chan error, 1)
	go func() {
		<-ctx.Done()
		grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTimeout)
		defer cancel()
		err := s.http.Shutdown(grace)
		if err != nil {
			err = s.http.Close()
		}
		stopped <- err
	}()
	err := s.http.Serve(ln)
	cancel()
	if stopErr := <-stopped; errors.Is(err, http.ErrServerClosed) {
		return stopErr
	}
	return err
}
