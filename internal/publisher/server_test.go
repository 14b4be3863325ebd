package publisher_test

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	rtmp "github.com/yutopp/go-rtmp"
	"github.com/yutopp/go-rtmp/message"
)

// received is an audio or video message as the server received it.
type received struct {
	video     bool
	timestamp uint32
	size      int
	config    bool
	at        time.Duration // since the publication began
}

// server is go-rtmp's server, which records what it receives.
type server struct {
	refuse bool

	mu           sync.Mutex
	publications []*publication
	open         sync.WaitGroup
}

// publication is one connection's handler. Its fields may be read when the
// server's WaitGroup is done.
type publication struct {
	rtmp.DefaultHandler
	server   *server
	app      string
	name     string
	start    time.Time
	metadata int
	messages []received
	ended    []string // the commands that ended it
	conn     *rtmp.Conn
	pongs    []uint32
}

func (s *server) serve(nc net.Conn) {
	s.open.Add(1)
	p := &publication{server: s}
	s.mu.Lock()
	s.publications = append(s.publications, p)
	s.mu.Unlock()
	l := &oneConn{conn: nc, closed: make(chan struct{})}
	srv := rtmp.NewServer(&rtmp.ServerConfig{OnConnect: func(c net.Conn) (io.ReadWriteCloser, *rtmp.ConnConfig) {
		return c, &rtmp.ConnConfig{Handler: p}
	}})
	l.end = srv.Close
	go func() { _ = srv.Serve(l) }()
}

func (p *publication) OnServe(c *rtmp.Conn) { p.conn = c }

func (p *publication) OnUnknownMessage(_ uint32, m message.Message) error {
	if u, ok := m.(*message.UserCtrl); ok {
		if pong, ok := u.Event.(*message.UserCtrlEventPingResponse); ok {
			p.pongs = append(p.pongs, pong.Timestamp)
		}
	}
	return nil
}

func (p *publication) OnConnect(_ uint32, cmd *message.NetConnectionConnect) error {
	p.app = cmd.Command.App
	return nil
}

func (p *publication) OnPublish(_ *rtmp.StreamContext, _ uint32, cmd *message.NetStreamPublish) error {
	p.name, p.start = cmd.PublishingName, time.Now()
	if p.server.refuse {
		return errors.New("no")
	}
	return p.conn.Write(context.Background(), 2, 0, &rtmp.ChunkMessage{
		Message: &message.UserCtrl{Event: &message.UserCtrlEventPingRequest{Timestamp: 7}},
	})
}

func (p *publication) OnSetDataFrame(_ uint32, d *message.NetStreamSetDataFrame) error {
	p.metadata += len(d.Payload)
	return nil
}

func (p *publication) take(video bool, timestamp uint32, payload io.Reader) error {
	b, err := io.ReadAll(payload)
	if err == nil && len(b) > 1 {
		p.messages = append(p.messages, received{video, timestamp, len(b), b[1] == 0, time.Since(p.start)})
	}
	return err
}

func (p *publication) OnVideo(timestamp uint32, r io.Reader) error { return p.take(true, timestamp, r) }

func (p *publication) OnAudio(timestamp uint32, r io.Reader) error {
	return p.take(false, timestamp, r)
}

func (p *publication) OnFCUnpublish(uint32, *message.NetStreamFCUnpublish) error {
	p.ended = append(p.ended, "FCUnpublish")
	return nil
}

func (p *publication) OnDeleteStream(uint32, *message.NetStreamDeleteStream) error {
	p.ended = append(p.ended, "deleteStream")
	return nil
}

func (p *publication) OnClose() { p.server.open.Done() }

// oneConn is a listener with one connection.
type oneConn struct {
	conn   net.Conn
	end    func() error
	once   sync.Once
	closed chan struct{}
}

func (l *oneConn) Accept() (net.Conn, error) {
	if c := l.conn; c != nil {
		l.conn = nil
		return c, nil
	}
	// go-rtmp spins on the errors of a listener unless it was closed itself.
	go func() { _ = l.end() }()
	<-l.closed
	return nil, net.ErrClosed
}

func (l *oneConn) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

func (l *oneConn) Addr() net.Addr { return nil }

// dial returns a Dial for Config that connects to s without a network, so that a
// test can run on synctest's clock.
func (s *server) dial(testing.TB) func(context.Context, string, string) (net.Conn, error) {
	return func(context.Context, string, string) (net.Conn, error) {
		a, b := newPipe()
		s.serve(b)
		return a, nil
	}
}

// pipeEnd is one end of a connection with unbounded buffers; net.Pipe has none
// and blocks the handshake, in which both sides write first.
type pipeEnd struct {
	net.Conn // for the deadlines and addresses, which a test does not use
	in, out  *buffer
}

type buffer struct {
	mu     sync.Mutex
	filled *sync.Cond
	b      []byte
	closed bool
}

func newPipe() (a, b *pipeEnd) {
	x, y := &buffer{}, &buffer{}
	x.filled, y.filled = sync.NewCond(&x.mu), sync.NewCond(&y.mu)
	return &pipeEnd{in: x, out: y}, &pipeEnd{in: y, out: x}
}

func (p *pipeEnd) Read(b []byte) (int, error) {
	p.in.mu.Lock()
	defer p.in.mu.Unlock()
	for len(p.in.b) == 0 {
		if p.in.closed {
			return 0, io.EOF
		}
		p.in.filled.Wait()
	}
	n := copy(b, p.in.b)
	p.in.b = p.in.b[n:]
	return n, nil
}

func (p *pipeEnd) Write(b []byte) (int, error) {
	p.out.mu.Lock()
	defer p.out.mu.Unlock()
	if p.out.closed {
		return 0, net.ErrClosed
	}
	p.out.b = append(p.out.b, b...)
	p.out.filled.Signal()
	return len(b), nil
}

func (b *buffer) close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
	b.filled.Broadcast()
}

func (p *pipeEnd) CloseWrite() error                { p.out.close(); return nil }
func (p *pipeEnd) Close() error                     { p.out.close(); p.in.close(); return nil }
func (p *pipeEnd) SetWriteDeadline(time.Time) error { return nil }

// slowOnce is a connection whose writes block once, for pause.
type slowOnce struct {
	net.Conn
	from  <-chan time.Time
	pause time.Duration
}

func (s *slowOnce) Write(b []byte) (int, error) {
	select {
	case <-s.from:
		<-time.After(s.pause)
	default:
	}
	return s.Conn.Write(b)
}
