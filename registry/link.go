package registry

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const (
	// connectTimeout bounds the start of the embedded server, and a connection.
	connectTimeout = 5 * time.Second
	// callTimeout bounds one request.
	callTimeout = 2 * time.Second
	// replicateEvery is the time between two tries to replicate the buckets.
	replicateEvery = 10 * time.Second
)

// The buckets, and the key that identifies the cluster. What must outlive the registry's
// servers is in files; leases are in memory: their owners write them again.
const (
	clusterBucket = "golive_cluster"
	leaseBucket   = "golive_leases"
	recordBucket  = "golive_records"
	identityKey   = "id"
	// replicas is how many servers have what is in a bucket: one of them may fail.
	replicas = 3
)

// The bounds of the embedded server, in bytes: a lease takes some 300, the record of a broadcast
// some 700, or 1,400 until the files are compacted.
const (
	maxMemory = 64 << 20
	maxFiles  = 4 << 30
)

// link is one connection to the registry.
type link struct {
	embedded *server.Server // nil for an external cluster
	conn     *nats.Conn
	js       jetstream.JetStream
	leases   *store
	records  *store
	id       string // of the cluster
}

// connect opens the connection and what it needs; lost is called when it breaks.
func (r *Registry) connect(ctx context.Context, lost context.CancelCauseFunc) (_ *link, err error) {
	l := &link{}
	defer func() {
		if err != nil {
			l.close()
		}
	}()
	options := []nats.Option{
		nats.Name("golive " + r.self.Name), nats.NoReconnect(), nats.Timeout(callTimeout),
		nats.PingInterval(renewEvery), nats.MaxPingsOutstanding(int(TTL / renewEvery)),
		nats.ClosedHandler(func(c *nats.Conn) {
			lost(fmt.Errorf("connection was lost: %w", errors.Join(c.LastError(), nats.ErrConnectionClosed)))
		}),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
			r.log.Debug("registry reported an error", "err", err)
		}),
	}
	switch {
	case r.cfg.URL == "":
		if l.embedded, err = embed(r.dir); err != nil {
			return nil, err
		}
		options = append(options, nats.InProcessServer(l.embedded))
	case r.cfg.CredentialsFile != "":
		options = append(options, nats.UserCredentials(r.cfg.CredentialsFile))
	case r.cfg.User != "":
		options = append(options, nats.UserInfo(r.cfg.User, r.cfg.Password.Reveal()))
	}
	if r.cfg.CAFile != "" {
		options = append(options, nats.RootCAs(r.cfg.CAFile))
	}
	if l.conn, err = nats.Connect(r.cfg.URL, options...); err != nil {
		return nil, fmt.Errorf("connect to registry.url: %w", withHint(err))
	}
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	if l.js, err = jetstream.New(l.conn); err == nil {
		err = l.open(ctx, r.cfg.Events)
	}
	if err == nil && l.embedded != nil {
		err = l.useDisk(r.dir)
	}
	if err != nil {
		// What the user may not do is not answered, but reported to the connection.
		if refused := l.conn.LastError(); errors.Is(refused, nats.ErrPermissionViolation) {
			err = refused
		}
		return nil, fmt.Errorf("open registry: %w", withHint(err))
	}
	return l, nil
}

// embed starts a server that only this process can reach.
func embed(dir string) (*server.Server, error) {
	s, err := server.NewServer(&server.Options{
		ServerName: "golive", DontListen: true, NoSigs: true, NoLog: true, NoSystemAccount: true,
		JetStream: true, StoreDir: dir, JetStreamMaxMemory: maxMemory, JetStreamMaxStore: maxFiles,
		SyncInterval: 10 * time.Second, // of what the server does by itself; see disk
	})
	if err != nil {
		return nil, fmt.Errorf("start registry in %s: %w", dir, err)
	}
	s.Start()
	if !s.ReadyForConnections(connectTimeout) {
		s.Shutdown()
		s.WaitForShutdown()
		return nil, fmt.Errorf("start registry in %s: it was not ready after %v", dir, connectTimeout)
	}
	return s, nil
}

// open makes the buckets where they are missing, the cluster's id, and the stream of events if it is
// needed.
func (l *link) open(ctx context.Context, events bool) error {
	cluster, err := l.bucket(ctx, jetstream.StreamConfig{
		Description: "golive: what outlives the nodes", Storage: jetstream.FileStorage,
	}, clusterBucket)
	if err != nil {
		return err
	}
	if l.id, err = clusterID(ctx, cluster); err != nil {
		return err
	}
	if l.leases, err = l.store(ctx, jetstream.StreamConfig{
		Description: "golive: which nodes there are, and what is whose", Storage: jetstream.MemoryStorage,
		AllowMsgTTL: true, SubjectDeleteMarkerTTL: TTL,
	}, leaseBucket); err != nil {
		return err
	}
	l.records, err = l.store(ctx, jetstream.StreamConfig{
		Description: "golive: the records of broadcasts and channels", Storage: jetstream.FileStorage,
		AllowMsgTTL: true, SubjectDeleteMarkerTTL: markerTTL,
	}, recordBucket)
	if err == nil && events {
		err = l.openEvents(ctx)
	}
	return err
}

// openEvents makes the stream of events where it is missing.
func (l *link) openEvents(ctx context.Context) error {
	cfg := jetstream.StreamConfig{
		Name: eventStream, Description: "golive: what happened to broadcasts", Subjects: []string{eventSubject + ">"},
		Storage: jetstream.FileStorage, MaxAge: eventsAge, Duplicates: eventsWindow,
	}
	if l.embedded != nil {
		cfg.MaxBytes = maxEventBytes
	}
	_, err := l.js.Stream(ctx, eventStream)
	if !errors.Is(err, jetstream.ErrStreamNotFound) {
		return err
	}
	return l.createStream(ctx, cfg)
}

// createStream makes a stream, with three replicas where the cluster supports it.
func (l *link) createStream(ctx context.Context, cfg jetstream.StreamConfig) (err error) {
	for _, cfg.Replicas = range []int{replicas, 1} {
		if _, err = l.js.CreateStream(ctx, cfg); err == nil || errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) {
			return nil
		}
	}
	return err
}

// useDisk has what is written to the embedded server's files synced; what is there is synced now.
func (l *link) useDisk(dir string) error {
	files := l.embedded.JetStreamConfig().StoreDir
	l.records.disk, l.records.events = newDisk(files, "KV_"+recordBucket), newDisk(files, eventStream)
	return syncTree(dir)
}

// store opens a bucket, or makes it.
func (l *link) store(ctx context.Context, cfg jetstream.StreamConfig, name string) (*store, error) {
	kv, err := l.bucket(ctx, cfg, name)
	return &store{js: l.js, kv: kv, name: name}, err
}

// bucket opens a key-value bucket, or makes it. It is asked through its leader alone: a
// server that has fallen behind must not answer who owns a lease.
func (l *link) bucket(ctx context.Context, cfg jetstream.StreamConfig, name string) (jetstream.KeyValue, error) {
	kv, err := l.js.KeyValue(ctx, name)
	if !errors.Is(err, jetstream.ErrBucketNotFound) {
		return kv, err
	}
	cfg.Name, cfg.Subjects = "KV_"+name, []string{"$KV." + name + ".>"}
	cfg.MaxMsgsPerSubject, cfg.Discard = 1, jetstream.DiscardNew
	cfg.AllowRollup, cfg.DenyDelete, cfg.AllowDirect = true, true, false
	if err := l.createStream(ctx, cfg); err != nil {
		return nil, err
	}
	return l.js.KeyValue(ctx, name)
}

// replicate gives the buckets their replicas if they were made while there were too few
// servers for them. It blocks until that is done, or ctx.
func (l *link) replicate(ctx context.Context) {
	tick := time.NewTicker(replicateEvery)
	defer tick.Stop()
	for !l.isReplicated(ctx) {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

func (l *link) isReplicated(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	for _, name := range []string{"KV_" + clusterBucket, "KV_" + leaseBucket, "KV_" + recordBucket, eventStream} {
		stream, err := l.js.Stream(ctx, name)
		if errors.Is(err, jetstream.ErrStreamNotFound) && name == eventStream {
			continue
		}
		if err != nil {
			return false
		}
		info := stream.CachedInfo()
		if info.Cluster == nil || info.Cluster.Name == "" || info.Config.Replicas >= replicas {
			continue // one server cannot have any
		}
		info.Config.Replicas = replicas
		if _, err := l.js.UpdateStream(ctx, info.Config); err != nil {
			return false
		}
	}
	return true
}

// clusterID returns the cluster's id, which the first node makes.
func clusterID(ctx context.Context, kv jetstream.KeyValue) (string, error) {
	entry, err := kv.Get(ctx, identityKey)
	if isMissing(err) {
		if _, err = kv.Create(ctx, identityKey, []byte(newToken())); err == nil || isConflict(err) {
			entry, err = kv.Get(ctx, identityKey)
		}
	}
	if err != nil {
		return "", err
	}
	return string(entry.Value()), nil
}

// newToken returns a random name that is never used again.
func newToken() string { return strings.ToLower(rand.Text()[:16]) }

func (l *link) close() {
	if l.conn != nil {
		l.conn.Close()
	}
	if l.embedded != nil {
		l.embedded.Shutdown()
		l.embedded.WaitForShutdown()
	}
}
