package memory

import (
	"context"
	"iter"
	"slices"
	"strings"
	"sync"

	"golive/storage"
)

// Bucket keeps objects in memory.
type Bucket struct {
	mu      sync.RWMutex
	objects map[string]object
}

type object struct {
	slabs [][]byte
	size  int64
}

// New returns an empty Bucket.
func New() *Bucket { return &Bucket{objects: make(map[string]object)} }

// Put keeps o's slabs; it does not copy them.
func (b *Bucket) Put(ctx context.Context, o storage.Object) error {
	if err := storage.CheckCall(ctx, o.Key); err != nil {
		return wrap("put", o.Key, err)
	}
	kept := object{slabs: slices.Clone(o.Slabs), size: o.Size()}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.objects[o.Key] = kept
	return nil
}

// Get reads from the shared slabs. The Body is an io.WriterTo that writes each
// slab as it is.
func (b *Bucket) Get(ctx context.Context, key string, offset, length int64) (*storage.Reader, error) {
	if err := storage.CheckCall(ctx, key); err != nil {
		return nil, wrap("get", key, err)
	}
	b.mu.RLock()
	o, ok := b.objects[key]
	b.mu.RUnlock()
	if !ok {
		return nil, wrap("get", key, storage.ErrNotExist)
	}
	n, err := storage.CheckRange(offset, length, o.size)
	if err != nil {
		return nil, wrap("get", key, err)
	}
	return &storage.Reader{
		Info:  storage.Info{Key: key, Size: o.size},
		Body:  &body{rest: o.slabs, skip: offset, left: n},
		Close: func() error { return nil },
	}, nil
}

// Delete removes the object.
func (b *Bucket) Delete(ctx context.Context, key string) error {
	if err := storage.CheckCall(ctx, key); err != nil {
		return wrap("delete", key, err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.objects, key)
	return nil
}

// List yields the objects that are there when the iteration begins.
func (b *Bucket) List(ctx context.Context, prefix string) iter.Seq2[storage.Info, error] {
	return func(yield func(storage.Info, error) bool) {
		for _, info := range b.snapshot(prefix) {
			if ctx.Err() != nil {
				break
			}
			if !yield(info, nil) {
				return
			}
		}
		if ctx.Err() != nil {
			yield(storage.Info{}, wrap("list", prefix, context.Cause(ctx)))
		}
	}
}

func (b *Bucket) snapshot(prefix string) []storage.Info {
	b.mu.RLock()
	var infos []storage.Info
	for key, o := range b.objects {
		if strings.HasPrefix(key, prefix) {
			infos = append(infos, storage.Info{Key: key, Size: o.size})
		}
	}
	b.mu.RUnlock()
	slices.SortFunc(infos, func(a, b storage.Info) int { return strings.Compare(a.Key, b.Key) })
	return infos
}

func wrap(op, key string, err error) error { return &storage.Error{Op: op, Key: key, Err: err} }
