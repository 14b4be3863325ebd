package whip

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os/exec"
	"sync"

	"github.com/pion/ice/v4"
	"github.com/pion/webrtc/v4"

	"golive/ingest"
	"golive/internal/connlimit"
)

// protocol is the protocol's name in requests, logs and metrics.
const protocol = "whip"

// socketBuffer is how many bytes may wait in the UDP socket: key frames of many sessions may come at once.
const socketBuffer = 4 << 20

// Options are what a Server needs besides the configuration of ingest.
type Options struct {
	// FFmpeg is the program that converts Opus to AAC: a path, or a name to look up in PATH. If there
	// is none, the sound stays Opus.
	FFmpeg string
	// BasePath is the path below which clients reach the server: "/video"; "" is none.
	BasePath string
	// AllowOrigin reports whether pages of an origin ("https://www.example.com") may publish.
	AllowOrigin func(origin string) bool
	// Proxies are the networks whose X-Forwarded-For is believed.
	Proxies []netip.Prefix
}

// Server serves publishers over WHIP: its requests, while Serve runs, and their media.
type Server struct {
	cfg      ingest.Config
	options  Options
	sessions *ingest.Sessions
	log      *slog.Logger

	slots       *connlimit.Limiter
	certificate webrtc.Certificate

	mu      sync.Mutex
	serving *serving // nil while Serve does not run
	running map[string]*session
	waiting sync.WaitGroup // the sessions, and requests that begin one
}

// serving is what sessions need while Serve runs.
type serving struct {
	ctx      context.Context //nolint:containedctx // that of all sessions, which do not end with their requests
	settings webrtc.SettingEngine
}

// NewServer returns a Server that answers requests with 503 until Serve runs.
func NewServer(cfg ingest.Config, options Options, sessions *ingest.Sessions, log *slog.Logger) (*Server, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make a key for DTLS: %w", err)
	}
	certificate, err := webrtc.GenerateCertificate(key)
	if err != nil {
		return nil, fmt.Errorf("make a certificate for DTLS: %w", err)
	}
	return &Server{
		cfg: cfg, options: options, sessions: sessions, log: log,
		slots:       connlimit.New(connlimit.Config{Slots: cfg.Limits.Connections, Rate: attemptsRate, Burst: attemptsBurst}),
		certificate: *certificate, running: map[string]*session{},
	}, nil
}

// Serve exchanges media through conn, a UDP socket, until ctx is done; then it ends all sessions with
// ingest.ErrClosing, waits for them, closes conn and returns nil.
func (s *Server) Serve(ctx context.Context, conn net.PacketConn) error {
	log := loggers{s.log.With("protocol", protocol)}
	if socket, ok := conn.(*net.UDPConn); ok {
		_ = socket.SetReadBuffer(socketBuffer) // the system may allow less
	}
	mux := ice.NewUDPMuxDefault(ice.UDPMuxParams{Logger: log.NewLogger("ice"), UDPConn: conn})
	defer func() { _ = mux.Close() }() // closes conn
	settings, err := settings(mux, s.cfg.WHIP.Advertise, log)
	if err != nil {
		return fmt.Errorf("ingest.whip.advertise: %w", err)
	}
	sessions, end := context.WithCancelCause(context.WithoutCancel(ctx))
	s.mu.Lock()
	s.serving = &serving{sessions, settings}
	s.mu.Unlock()
	<-ctx.Done()
	s.mu.Lock()
	s.serving = nil
	s.mu.Unlock()
	end(ingest.ErrClosing)
	s.waiting.Wait()
	s.sessions.Lines.Flush()
	return nil
}

// enter returns what a new session needs, or nil while Serve does not run. The caller calls leave.
func (s *Server) enter() *serving {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.serving != nil {
		s.waiting.Add(1)
	}
	return s.serving
}

// leave says that a session, or a request that begins one, has ended.
func (s *Server) leave() { s.waiting.Done() }

// remember makes a session known by its id.
func (s *Server) remember(one *session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.running[one.id] = one
}

// forget removes a session.
func (s *Server) forget(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.running, id)
}

// find returns a session, or nil.
func (s *Server) find(id string) *session {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.running[id]
}

// findFFmpeg returns the path of ffmpeg.
func (s *Server) findFFmpeg() (string, error) { return exec.LookPath(s.options.FFmpeg) }
