package registry

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
)

// Registry is this node's view of what all nodes agree on. Its methods may be called from
// any goroutine. Only Run blocks.
type Registry struct {
	cfg     Config
	self    Node
	dir     string // of the embedded server
	session string // of this run
	log     *slog.Logger
	metrics *Metrics
	began   time.Time
	wake    chan struct{} // holds a token when there is something to reconcile
	catalog *catalog
	reports *reports
	outbox  *worklist // the broadcasts with events to publish

	// valid is until when the session may be relied on, contact when the registry last
	// answered, and fenced until when an earlier run of this node may rely on its session:
	// nanoseconds after began, on the monotonic clock.
	valid, contact, fenced atomic.Int64

	mu    sync.Mutex
	state state
}

// state is what Registry.mu guards.
type state struct {
	id         string // of the cluster; empty before the first contact
	away       error  // why the registry cannot be reached; nil while it is
	table      table
	owned      map[string]*ownership   // by key
	pending    map[*ownership]struct{} // the claims that are not decided yet
	marked     map[string]struct{}     // keys to reconcile
	handedOver map[string]struct{}     // keys that this node lost, and whose data it has stored
}

// New makes a Registry, with the embedded server's files in dir. Run connects it.
func New(cfg Config, self Node, dir string, log *slog.Logger, m *Metrics) *Registry {
	return &Registry{
		cfg:     cfg,
		self:    self,
		dir:     dir,
		session: newToken(),
		log:     log,
		metrics: m,
		began:   time.Now(),
		wake:    make(chan struct{}, 1),
		catalog: newCatalog(log, m),
		reports: newReports(),
		outbox:  newWorklist(),
		state: state{
			away:       errNotYet,
			table:      newTable(),
			owned:      map[string]*ownership{},
			pending:    map[*ownership]struct{}{},
			marked:     map[string]struct{}{},
			handedOver: map[string]struct{}{},
		},
	}
}

// errNotYet is why the registry cannot be reached before the first try.
var errNotYet = errors.New("not connected yet")

// Run keeps the registry connected until ctx is done. Then it removes the session and the
// released leases, so that other nodes need not wait.
func (r *Registry) Run(ctx context.Context) error {
	for ctx.Err() == nil {
		if err := r.serve(ctx); ctx.Err() == nil {
			r.setAway(err)
		}
		select {
		case <-time.After(retryMin + rand.N(retryMin)):
		case <-ctx.Done():
		}
	}
	return nil
}

// retryMin is the least time between two tries to connect.
const retryMin = 250 * time.Millisecond

// serve connects, and works until the connection is lost or stopping is done.
func (r *Registry) serve(stopping context.Context) error {
	ctx, lost := context.WithCancelCause(stopping)
	defer lost(nil)
	l, err := r.connect(ctx, lost)
	if err != nil {
		return err
	}
	defer l.close()
	if err := r.setClusterID(l.id); err != nil {
		return err
	}
	s := renewer{registry: r, link: l, first: r.valid.Load() == 0}
	if err := s.renew(ctx); err != nil {
		return err
	}
	synced := make(chan struct{})
	g, working := errgroup.WithContext(ctx)
	g.Go(func() error { return r.watch(working, l, synced) })
	g.Go(func() error { return s.run(working, synced) })
	g.Go(func() error { return r.reconcileLoop(working, l, synced) })
	g.Go(func() error { l.replicate(working); return nil })
	r.keepRecords(working, g, l)
	err = g.Wait()
	switch {
	case stopping.Err() != nil:
		r.releaseAll(context.WithoutCancel(stopping), l, s.revision)
	case ctx.Err() != nil:
		return context.Cause(ctx)
	}
	return err
}

// setClusterID sets the id of the registry. It does not change while this node runs: what was
// claimed in one is not in another.
func (r *Registry) setClusterID(id string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.state.id != "" && r.state.id != id {
		return fmt.Errorf("registry %s answers instead of %s: restart golive if that is meant", id, r.state.id)
	}
	r.state.id = id
	return nil
}

// setAway records that the registry cannot be reached, and logs it when that begins.
func (r *Registry) setAway(err error) {
	r.mu.Lock()
	first := r.state.away == nil || errors.Is(r.state.away, errNotYet)
	r.state.away = err
	r.mu.Unlock()
	r.metrics.connected.Set(0)
	if first {
		effect := "new publishers are accepted, and claimed later"
		if r.cfg.Required {
			effect = "new publishers are refused"
		}
		r.log.Warn("registry cannot be reached, it is tried again", "err", err, "effect", "live broadcasts go on; "+effect)
	}
}

// setConnected records that the registry can be reached, and logs it if it could not before.
func (r *Registry) setConnected() {
	r.mu.Lock()
	was := r.state.away
	r.state.away = nil
	nodes := len(r.state.table.nodes)
	r.mu.Unlock()
	r.metrics.connected.Set(1)
	if was != nil {
		r.log.Info("registry connected", "registry", r.where(), "id", r.ID(), "node", r.self.Name, "nodes", nodes)
	}
}

func (r *Registry) where() string {
	if r.cfg.URL == "" {
		return "embedded"
	}
	return r.cfg.URL
}

// ID returns the cluster's id: nodes with the same one see the same leases. It is empty
// before the first contact.
func (r *Registry) ID() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.state.id
}

// Connected returns nil while records can be written, or an error that wraps ErrAway.
func (r *Registry) Connected(context.Context) error {
	_, err := r.connected()
	return err
}

func (r *Registry) awayError() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.state.away != nil {
		return fmt.Errorf("%w: %w", ErrAway, r.state.away)
	}
	return nil
}

// now returns the time since the registry was made.
func (r *Registry) now() time.Duration { return time.Since(r.began) }

// sessionValid reports whether this node's session may be relied on.
func (r *Registry) sessionValid() bool { return int64(r.now()) < r.valid.Load() }

// owns reports whether the record of a lease is this node's for certain; the caller holds
// mu.
func (r *Registry) owns(rec record) bool {
	return rec.identity == r.identity() && r.state.table.alive(rec.identity) && int64(r.now()) >= r.fenced.Load()
}

// lostContact reports whether the registry has not answered for so long that all that was
// known of other nodes may be wrong.
func (r *Registry) lostContact() bool { return r.now()-time.Duration(r.contact.Load()) > TTL }

// identity returns this run of this node.
func (r *Registry) identity() identity { return identity{r.self.Name, r.session} }
