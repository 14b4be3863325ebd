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

// OtherError is the error for a bucket that belongs to another registry.
type OtherError struct {
	// Key is the key of the object that names the registry, Bucket the id in it, and Node
	// the id of this node's registry.
	Key, Bucket, Node string
}

// Error returns both ids and what the operator can do.
func (e *OtherError) Error() string {
	return fmt.Sprintf("the bucket belongs to registry %s, and this node's registry is %s (use the registry.url, or with an embedded "+
		"registry the data_dir, that the bucket was used with; or another storage.s3.prefix; or, when that registry is gone for good "+
		"and no node uses it, delete the object %s: this registry then has the bucket)", e.Bucket, e.Node, e.Key)
}

// Bucket keeps a node from writing into a bucket of another registry, whose nodes know
// nothing of this one's leases. Until the bucket's registry is known, nothing is written;
// but where the registry is not required and cannot be reached, the bucket is used
// without a check.
type Bucket struct {
	storage.Bucket
	registry *Registry
	key      string
	log      *slog.Logger
	other    atomic.Pointer[OtherError] // nil unless the bucket is another registry's

	checking chan struct{} // holds a token while a check runs
	checked  atomic.Bool
}

// NewBucket guards the bucket b, in which all keys of golive begin with prefix.
func NewBucket(b storage.Bucket, prefix string, r *Registry, log *slog.Logger) *Bucket {
	return &Bucket{Bucket: b, registry: r, key: prefix + "/" + bucketMark, log: log, checking: make(chan struct{}, 1)}
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

// Run blocks until ctx is done. When the bucket is another registry's, Run logs that once,
// and returns the *OtherError as soon as no broadcast is live.
func (b *Bucket) Run(ctx context.Context, live func() bool) error {
	tick := time.NewTicker(renewEvery)
	defer tick.Stop()
	logged := false
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
		if err != nil && !logged {
			logged = true
			b.log.Error("nothing is written to the bucket; golive ends when no broadcast is live", "err", err)
		}
	}
}

// errUnknown is the error of a write before this node knows its own registry's id.
var errUnknown = fmt.Errorf("it is not known yet to which registry the bucket belongs: %w", ErrAway)

// checkTimeout bounds one check of the bucket.
const checkTimeout = 10 * time.Second

// check returns nil when the bucket may be written to.
func (b *Bucket) check(ctx context.Context) error {
	if b.checked.Load() {
		return b.Other(ctx)
	}
	select {
	case b.checking <- struct{}{}:
		defer func() { <-b.checking }()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	id := b.registry.ID()
	switch {
	case id == "" && !b.registry.cfg.Required && b.registry.lostContact():
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
		Key: b.key, Slabs: [][]byte{encode(mark{id})}, ContentType: "application/json", CacheControl: "no-store",
	})
}
