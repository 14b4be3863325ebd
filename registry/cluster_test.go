package registry

import (
	"context"
	"io"
	"log/slog"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/prometheus/client_golang/prometheus"
)

// patience bounds what a test waits for; only failing tests reach it.
const patience = 2 * time.Minute

// cluster is a NATS server that several nodes reach.
type cluster struct {
	server *server.Server
	dir    string
	port   int
}

func startCluster(t testing.TB) *cluster {
	t.Helper()
	c := &cluster{dir: t.TempDir(), port: -1}
	c.start(t)
	c.port = c.server.Addr().(*net.TCPAddr).Port
	t.Cleanup(func() { c.stop() })
	return c
}

func (c *cluster) start(t testing.TB) {
	t.Helper()
	c.server = startServer(t, &server.Options{Port: c.port, StoreDir: c.dir})
}

// startServer starts a NATS server with JetStream on this machine.
func startServer(t testing.TB, o *server.Options) *server.Server {
	t.Helper()
	o.Host, o.JetStream, o.NoSigs, o.NoLog = "127.0.0.1", true, true, true
	s, err := server.NewServer(o)
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	if !s.ReadyForConnections(patience) {
		t.Fatal("the server is not ready")
	}
	return s
}

func (c *cluster) stop() {
	c.server.Shutdown()
	c.server.WaitForShutdown()
}

// node is a running Registry that reaches its server through a proxy of its own.
type node struct {
	*Registry
	proxy *proxy
	stop  func()
}

// startNode runs a node of the cluster, and waits until it is connected.
func startNode(t testing.TB, c *cluster, name string, change ...func(*Config)) *node {
	t.Helper()
	p := newProxy(t, c.server.Addr().String())
	cfg := Config{URL: "nats://" + p.address()}
	for _, f := range change {
		f(&cfg)
	}
	n := &node{newRegistry(cfg, name), p, nil}
	n.stop = run(t, n.Registry)
	n.waitUntilConnected(t)
	return n
}

// newRegistry makes the Registry of a node with an external cluster.
func newRegistry(cfg Config, name string) *Registry {
	return New(cfg, Node{Name: name, URL: "http://" + name}, "", slog.New(slog.DiscardHandler), NewMetrics(prometheus.NewRegistry()))
}

func (r *Registry) waitUntilConnected(t testing.TB) {
	t.Helper()
	eventually(t, "the registry is connected", func() bool { return r.Connected(t.Context()) == nil && r.sessionValid() })
}

// run runs r until the test's end, or until stop.
func run(t testing.TB, r *Registry) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- r.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(stop)
	return stop
}

// proxy forwards connections to a server, and can cut them.
type proxy struct {
	listener net.Listener

	mu    sync.Mutex
	to    string // the server's address
	cut   bool
	conns []net.Conn
}

func newProxy(t testing.TB, to string) *proxy {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{listener: ln, to: to}
	var running sync.WaitGroup
	running.Go(func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			running.Go(func() { p.forward(conn) })
		}
	})
	t.Cleanup(func() {
		_ = ln.Close()
		p.setCut(true)
		running.Wait()
	})
	return p
}

func (p *proxy) address() string { return p.listener.Addr().String() }

func (p *proxy) forward(near net.Conn) {
	defer near.Close() //nolint:errcheck // a cut connection
	p.mu.Lock()
	to, cut := p.to, p.cut
	p.mu.Unlock()
	if cut {
		return
	}
	far, err := net.Dial("tcp", to)
	if err != nil {
		return
	}
	defer far.Close() //nolint:errcheck // a cut connection
	p.mu.Lock()
	if p.cut {
		p.mu.Unlock()
		return
	}
	p.conns = append(p.conns, near, far)
	p.mu.Unlock()
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = io.Copy(far, near)
		_ = far.Close()
	}()
	_, _ = io.Copy(near, far)
	_ = near.Close()
	<-done
}

// setTo makes the proxy forward new connections to another server.
func (p *proxy) setTo(address string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.to = address
}

// setCut cuts all connections and refuses new ones, or accepts them again.
func (p *proxy) setCut(cut bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cut = cut
	if cut {
		for _, c := range p.conns {
			_ = c.Close()
		}
		p.conns = nil
	}
}

// eventually waits until is returns true.
func eventually(t testing.TB, what string, is func() bool) {
	t.Helper()
	deadline, tick := time.After(patience), time.NewTicker(5*time.Millisecond)
	defer tick.Stop()
	for !is() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("%s: not within %v", what, patience)
		}
	}
}

// ready waits until a claim is ready.
func ready(t testing.TB, l *Lease) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	return l.Ready(ctx)
}

func isLost(l *Lease) bool { return isClosed(l.Lost()) }

func (l *Lease) epochNow() uint64 {
	l.registry.mu.Lock()
	defer l.registry.mu.Unlock()
	return l.registry.state.table.records[l.o.key].Epoch
}

func mayWrite(l *Lease) bool {
	may, _ := l.MayWrite()
	return may
}
