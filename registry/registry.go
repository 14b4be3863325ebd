package registry

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// ErrAway is wrapped by errors that say that the registry cannot be reached now.
var ErrAway = errors.New("registry is away")

const (
	// openTimeout bounds the start of the embedded server, and the first connection.
	openTimeout = 10 * time.Second
	// callTimeout bounds one request.
	callTimeout = 2 * time.Second
)

// The names of the buckets, and of the key that identifies the cluster.
const (
	clusterBucket = "golive_cluster"
	leaseBucket   = "golive_leases"
	identityKey   = "id"
)

// Registry is a connection to what all nodes agree on. Its methods may be called from any
// goroutine.
type Registry struct {
	self     Node
	log      *slog.Logger
	embedded *server.Server // nil for an external cluster
	conn     *nats.Conn
	leases   jetstream.KeyValue
	id       string

	mu      sync.Mutex
	holders map[string]Holder // by lease, from the watch
}

// Holder is who holds a lease.
type Holder struct {
	Node
	// Epoch grows each time the lease changes hands.
	Epoch uint64
}

// Open starts the registry in dir, or connects to the cluster that cfg names.
func Open(ctx context.Context, cfg Config, dir string, self Node, log *slog.Logger) (_ *Registry, err error) {
	opened := &Registry{self: self, log: log, holders: map[string]Holder{}}
	defer func() {
		if err != nil {
			opened.Close()
		}
	}()
	return opened, opened.connect(ctx, cfg, dir)
}

// connect opens the connection and what it needs.
func (r *Registry) connect(ctx context.Context, cfg Config, dir string) (err error) {
	options := []nats.Option{
		nats.Name("golive " + r.self.Name), nats.MaxReconnects(-1), nats.ReconnectWait(200 * time.Millisecond),
		nats.RetryOnFailedConnect(false), nats.Timeout(callTimeout),
	}
	if cfg.URL == "" {
		if r.embedded, err = embed(dir); err != nil {
			return err
		}
		options = append(options, nats.InProcessServer(r.embedded))
	}
	if r.conn, err = nats.Connect(cfg.URL, options...); err != nil {
		return fmt.Errorf("%w: registry.url: %w", ErrAway, err)
	}
	ctx, cancel := context.WithTimeout(ctx, openTimeout)
	defer cancel()
	js, err := jetstream.New(r.conn)
	if err != nil {
		return fmt.Errorf("open registry: %w", err)
	}
	if r.leases, err = js.CreateOrUpdateKeyValue(ctx, jetstream.KeyValueConfig{
		Bucket: leaseBucket, Description: "who owns what", TTL: TTL, LimitMarkerTTL: TTL,
	}); err != nil {
		return fmt.Errorf("open registry: %w", err)
	}
	if r.id, err = identity(ctx, js); err != nil {
		return fmt.Errorf("open registry: %w", err)
	}
	return nil
}

// embed starts a server that nobody but this process can reach.
func embed(dir string) (*server.Server, error) {
	s, err := server.NewServer(&server.Options{
		ServerName: "golive", JetStream: true, StoreDir: dir, DontListen: true, NoSigs: true, NoLog: true,
		SyncAlways: true, // what was acknowledged survives a loss of power
	})
	if err != nil {
		return nil, fmt.Errorf("start registry in %s: %w", dir, err)
	}
	s.Start()
	if !s.ReadyForConnections(openTimeout) {
		s.Shutdown()
		return nil, fmt.Errorf("start registry in %s: it was not ready after %v", dir, openTimeout)
	}
	return s, nil
}

// identity returns the cluster's id, which the first node makes.
func identity(ctx context.Context, js jetstream.JetStream) (string, error) {
	kv, err := js.CreateOrUpdateKeyValue(ctx, jetstream.KeyValueConfig{Bucket: clusterBucket, Description: "what the cluster is"})
	if err != nil {
		return "", err
	}
	id := rand.Text()
	if _, err := kv.Create(ctx, identityKey, []byte(id)); err == nil {
		return id, nil
	} else if !errors.Is(err, jetstream.ErrKeyExists) {
		return "", err
	}
	entry, err := kv.Get(ctx, identityKey)
	if err != nil {
		return "", err
	}
	return string(entry.Value()), nil
}

// Close closes the connection, and stops the embedded server.
func (r *Registry) Close() {
	if r.conn != nil {
		r.conn.Close()
	}
	if r.embedded != nil {
		r.embedded.Shutdown()
		r.embedded.WaitForShutdown()
	}
}

// ID identifies the cluster: nodes with the same id see the same leases.
func (r *Registry) ID() string { return r.id }

// Connected reports whether the registry can be reached now.
func (r *Registry) Connected() bool { return r.conn.IsConnected() }

// Holder returns who holds a lease, as the watch last saw it.
func (r *Registry) Holder(name string) (Holder, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	h, ok := r.holders[name]
	return h, ok
}

// Run watches the leases until ctx is done. It is resumed by the connection when the
// registry was away.
func (r *Registry) Run(ctx context.Context) error {
	watch, err := r.leases.WatchAll(ctx)
	if err != nil {
		return fmt.Errorf("watch leases: %w", err)
	}
	for {
		select {
		case entry, ok := <-watch.Updates():
			if !ok {
				return fmt.Errorf("watch leases: %w", ErrAway)
			}
			if entry != nil { // nil ends the values that were there at the beginning
				r.saw(entry)
			}
		case <-ctx.Done():
			// The connection forgets the watch with ctx.
			_ = watch.Stop()
			return nil
		}
	}
}

// saw notes a change of a lease.
func (r *Registry) saw(entry jetstream.KeyValueEntry) {
	var v value
	gone := entry.Operation() != jetstream.KeyValuePut || v.read(entry.Value()) != nil
	r.mu.Lock()
	defer r.mu.Unlock()
	if gone {
		delete(r.holders, entry.Key())
		return
	}
	r.holders[entry.Key()] = Holder{Node: v.Node, Epoch: v.epochOr(entry.Revision())}
}
