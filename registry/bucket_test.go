package registry

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"golive/storage"
	"golive/storage/storagetest/memory"
)

func newBucket(b storage.Bucket, r *Registry) *Bucket {
	return NewBucket(b, "live", r, slog.New(slog.DiscardHandler))
}

func startEmbedded(t *testing.T) *Registry {
	t.Helper()
	r := embedded(t, t.TempDir())
	run(t, r)
	r.waitUntilConnected(t)
	return r
}

var object = storage.Object{Key: "live/b/index.m3u8", Slabs: [][]byte{[]byte("#EXTM3U\n")}}

func TestBucket_RemembersItsRegistry(t *testing.T) {
	t.Parallel()
	ours, theirs := startEmbedded(t), startEmbedded(t)
	store := memory.New()
	b := newBucket(store, ours)
	if err := b.Put(t.Context(), object); err != nil {
		t.Fatal(err)
	}
	if err := newBucket(store, ours).Put(t.Context(), object); err != nil {
		t.Errorf("after a restart: %v", err)
	}
	foreign := newBucket(store, theirs)
	err := foreign.Put(t.Context(), object)
	var other *OtherError
	if !errors.As(err, &other) || !storage.Retryable(err) || !errors.As(foreign.Delete(t.Context(), object.Key), &other) {
		t.Fatalf("a node of another registry: %v", err)
	}
	for _, want := range []string{ours.ID(), theirs.ID(), "registry.url", "storage.s3.prefix", "live/~registry.json"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in %q", want, err)
		}
	}
	if foreign.Other(t.Context()) == nil || b.Other(t.Context()) != nil {
		t.Errorf("%v, %v", foreign.Other(t.Context()), b.Other(t.Context()))
	}
	r, err := foreign.Get(t.Context(), object.Key, 0, -1)
	if err != nil {
		t.Fatalf("it cannot be read: %v", err)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	// The bucket is handed over as the message says.
	if err := store.Delete(t.Context(), other.Key); err != nil {
		t.Fatal(err)
	}
	if err := newBucket(store, theirs).Put(t.Context(), object); err != nil {
		t.Errorf("after the bucket was handed over: %v", err)
	}
}

func TestBucket_OfAnotherRegistryEndsGoliveWhenNothingIsLive(t *testing.T) {
	t.Parallel()
	store := memory.New()
	if err := newBucket(store, startEmbedded(t)).Put(t.Context(), object); err != nil {
		t.Fatal(err)
	}
	b := newBucket(store, startEmbedded(t))
	live := make(chan bool)
	ended := make(chan error, 1)
	go func() { ended <- b.Run(t.Context(), func() bool { return <-live }) }()
	for range 2 {
		live <- true
	}
	select {
	case err := <-ended:
		t.Fatalf("Run ended with %v", err)
	case live <- false:
	}
	var other *OtherError
	if err := <-ended; !errors.As(err, &other) {
		t.Errorf("Run ended with %v", err)
	}
}

func TestBucket_WaitsForARegistryThatIsRequired(t *testing.T) {
	t.Parallel()
	r := embedded(t, t.TempDir())
	r.cfg.Required = true
	b := newBucket(memory.New(), r)
	if err := b.Put(t.Context(), object); !errors.Is(err, ErrAway) || !storage.Retryable(err) {
		t.Errorf("before the first contact: %v", err)
	}
	run(t, r)
	eventually(t, "the bucket takes objects", func() bool { return b.Put(t.Context(), object) == nil })
}

// hanging is a bucket that does not answer.
type hanging struct{ *memory.Bucket }

func (hanging) Get(ctx context.Context, _ string, _, _ int64) (*storage.Reader, error) {
	<-ctx.Done()
	return nil, context.Cause(ctx)
}

func TestBucket_ThatDoesNotAnswerHoldsUpNoShutdown(t *testing.T) {
	t.Parallel()
	b := newBucket(hanging{memory.New()}, startEmbedded(t))
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	errs := make(chan error)
	for range 3 {
		go func() { errs <- b.Put(ctx, object) }()
	}
	for range 3 {
		if err := <-errs; err == nil || b.Other(t.Context()) != nil {
			t.Errorf("put: %v, other: %v", err, b.Other(t.Context()))
		}
	}
}
