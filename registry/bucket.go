package registry

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"golive/storage"
)

// bucketMark is the name of the object by which a bucket remembers its registry. No
// broadcast can have it: ids have no "~".
const bucketMark = "~registry.json"

// mark is its content.
type mark struct {
	Registry string `json:"registry"`
}

// OtherError says that a bucket belongs to another registry.
type OtherError struct {
	// Key is that of the object that says so, Bucket the id that it has, and Node that of
	// this node's registry.
	Key, Bucket, Node string
}

// Error says what to do about it.
func (e *OtherError) Error() string {
	return fmt.Sprintf("the bucket belongs to registry %s, and this node's registry is %s (use the registry.url, or with an embedded "+
		"registry the data_dir, that the bucket was used with; or another storage.s3.prefix; or, when that registry is gone for good "+
		"and no node uses it, delete the object %s: this registry then has the bucket)", e.Bucket, e.Node, e.Key)
}

// Bucket keeps a node from writing into a bucket of another registry, whose nodes know
// nothing of this one's leases. Until it is known whose the bucket is, nothing is written;
// but where the registry is not required and cannot be reached, the bucket is used as it
// was found.
type Bucket struct {
	storage.Bucket
	registry *Registry
	key      string
	log      *slog.Logger
	other    atomic.Pointer[OtherError] // nil while nothing speaks against it

	turn    chan struct{} // holds a token while somebody looks
	checked atomic.Bool
}

// NewBucket guards the bucket b, in which all keys of golive begin with prefix.
func NewBucket(b storage.Bucket, prefix string, r *Registry, log *slog.Logger) *Bucket {
	return &Bucket{Bucket: b, registry: r, key: prefix + "/" + bucketMark, log: log, turn: make(chan struct{}, 1)}
}

// Put implements storage.Bucket.
func (b *Bucket) Put(ctx context.Context, o storage.Object) error {
	if err := b.check(ctx); err != nil {
		return &storage.Error{Op: "put", Key: o.Key, Err: err}
	}
	return b.Bucket.Put(ctx, o)
}

// Delete implements storage.Bucket.
func (b *Bucket) Delete(ctx context.Context, key string) error {
	if err := b.check(ctx); err != nil {
		return &storage.Error{Op: "delete", Key: key, Err: err}
	}
	return b.Bucket.Delete(ctx, key)
}

// Other returns the *OtherError, once it is known that the bucket is another registry's.
func (b *Bucket) Other(context.Context) error {
	if e := b.other.Load(); e != nil {
		return e
	}
	return nil
}

// Run waits until ctx is done. When the bucket is found to be another registry's it tells
// so, and returns the *OtherError as soon as nothing is live.
func (b *Bucket) Run(ctx context.Context, live func() bool) error {
	tick := time.NewTicker(renewEvery)
	defer tick.Stop()
	told := false
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
		if err := b.check(ctx); err == nil || errors.Is(err, errUnknown) {
			continue
		}
		err := b.Other(ctx)
		if err != nil && !live() {
			return err
		}
		if err != nil && !told {
			told = true
			b.log.Error("nothing is written to the bucket; golive ends when no broadcast is live", "err", err)
		}
	}
}

// errUnknown says that it is not known yet which registry this is.
var errUnknown = fmt.Errorf("it is not known yet whose the bucket is: %w", ErrAway)

// checkTimeout bounds one look at the bucket.
const checkTimeout = 10 * time.Second

// check returns nil when the bucket may be written to.
func (b *Bucket) check(ctx context.Context) error {
	if b.checked.Load() {
		return b.Other(ctx)
	}
	select {
	case b.turn <- struct{}{}:
		defer func() { <-b.turn }()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	id := b.registry.ID()
	switch {
	case id == "" && !b.registry.cfg.Required && b.registry.forlorn():
		return nil
	case id == "":
		return errUnknown
	}
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	found, err := b.read(ctx)
	if errors.Is(err, storage.ErrNotExist) {
		if err = b.write(ctx, id); err == nil {
			found, err = b.read(ctx) // another node may have written it meanwhile
		}
	}
	if err != nil {
		return err
	}
	defer b.checked.Store(true)
	if found != id {
		b.other.Store(&OtherError{Key: b.key, Bucket: found, Node: id})
	}
	return b.Other(ctx)
}

// maxMark bounds what is read, in bytes.
const maxMark = 4 << 10

func (b *Bucket) read(ctx context.Context) (id string, err error) {
	text, err := storage.ReadText(ctx, b.Bucket, b.key, maxMark)
	if err != nil {
		return "", err
	}
	var m mark
	if err := json.Unmarshal(text, &m); err != nil || m.Registry == "" {
		return "", fmt.Errorf("%s is damaged: delete it", b.key)
	}
	return m.Registry, nil
}

func (b *Bucket) write(ctx context.Context, id string) error {
	return b.Bucket.Put(ctx, storage.Object{
		Key: b.key, Slabs: [][]byte{text(mark{id})}, ContentType: "application/json", CacheControl: "no-store",
	})
}
