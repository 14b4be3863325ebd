package broadcast

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"golive/ingest"
	"golive/playlist"
	"golive/storage"
	"golive/storage/catalog"
)

// Why a broadcast ended, in logs and metrics.
const (
	endedClean    = "unpublished"
	endedLost     = "publisher_lost"
	endedShutdown = "shutdown"
	endedBroken   = "broken"
)

// silence is how long a publisher must have sent nothing before another one with
// the same key takes over.
const silence = time.Second

// errEnded tells the Hub to make a new broadcast.
var errEnded = errors.New("broadcast has ended")

// Broadcast is one live stream from its first byte to EXT-X-ENDLIST.
type Broadcast struct {
	id      string
	began   time.Time
	made    time.Time // when this run made it, by the monotonic clock too
	cfg     Settings
	log     *slog.Logger
	metrics *Metrics
	stores  Stores
	program *program
	shelf   *shelf

	state    atomic.Int32
	lastUnit atomic.Int64 // when the newest access unit arrived, nanoseconds after made
	encoder  atomic.Pointer[string]

	claims   chan claim
	released chan error
	shown    chan struct{} // holds a token when there is something to watch for the first time
	ended    chan struct{} // closed when no claim is heard any more
	archived chan struct{} // closed when the Archiver has stopped
	ready    chan struct{} // closed when the Archiver may begin; nil is at once
	swept    chan struct{} // closed when run has returned: the bucket is left alone
	next     numbering     // valid once ended is closed
	lost     int           // segments that the stop of the server lost; valid once swept is closed

	preparation preparation
	resumed     *resumption // nil for a new broadcast
	begun       bool        // it was counted; run's

	// previous is the broadcast that had the id before, and can still be read, until
	// this one can. The Hub changes it.
	previous atomic.Pointer[Broadcast]
}

// aired reports whether there was ever something to watch. A publisher that has sent
// no media makes no broadcast.
func (b *Broadcast) aired() bool { return b.program.window.Load() != nil }

// Watchable reports whether the broadcast has a rendition to show.
func (b *Broadcast) Watchable() bool { return b.resumed != nil || b.program.multivariant.Load() != nil }

// claim is a publisher's wish to publish; the supervisor grants or refuses it.
type claim struct {
	publisher ingest.Publisher
	gone      <-chan struct{} // the publisher does not wait any longer
	granted   chan<- *publication
	refused   chan<- error
}

// over says whether the broadcast hears no claims any more.
func (b *Broadcast) over() bool {
	select {
	case <-b.ended:
		return true
	default:
		return false
	}
}

// left says whether the publisher has given up.
func (c *claim) left() bool {
	select {
	case <-c.gone:
		return true
	default:
		return false
	}
}

// preparation is what comes before a broadcast's first object.
type preparation struct {
	// before is closed when a predecessor leaves the bucket alone; may be nil.
	before <-chan struct{}
	// first is put; may be nil.
	first *storage.Object
	// journal says that the leftover's is still to be read.
	journal bool
}

func newBroadcast(m catalog.Manifest, h *Hub, from numbering, p preparation) *Broadcast {
	now := time.Now()
	b := &Broadcast{
		id:       m.ID,
		began:    now,
		made:     now,
		cfg:      h.cfg,
		log:      h.log.With("broadcast", m.ID),
		metrics:  h.metrics,
		stores:   h.stores,
		claims:   make(chan claim),
		released: make(chan error),
		shown:    make(chan struct{}, 1),
		ended:    make(chan struct{}),
		archived: make(chan struct{}),
		swept:    make(chan struct{}),
	}
	b.shelf = newShelf(h.cfg, m, from.window)
	if h.stores.Shared {
		b.shelf.local, b.shelf.shared = h.stores.Local, h.stores.Bucket
	}
	archiver := storage.ArchiverConfig{Prefix: h.layout.Folder(m.ID), KeyPace: h.stores.KeyPace}
	if p != (preparation{}) {
		b.preparation, b.ready = p, make(chan struct{})
		archiver.Hold = b.ready
	}
	if h.stores.Spool != nil {
		archiver.Spool = h.stores.Spool
	}
	b.shelf.archiver = storage.NewArchiver(archiver, h.stores.Bucket, b.shelf, b.log, h.storageMetrics)
	b.program = newProgram(b.shelf.rendition, h.cfg, from, b.shelf, h.metrics)
	b.shelf.program = b.program
	return b
}

// ID is the broadcast's public name.
func (b *Broadcast) ID() string { return b.id }

// State is where the broadcast is in its life.
func (b *Broadcast) State() State { return State(b.state.Load()) }

// Multivariant is the multivariant playlist; nil before the first part.
func (b *Broadcast) Multivariant() *playlist.Text { return b.program.multivariant.Load() }

// Window is the live state of a rendition; nil when there is none of that name,
// or nothing in it yet.
func (b *Broadcast) Window(rendition string) *playlist.Window {
	if rendition != b.program.name {
		return nil
	}
	return b.program.window.Load()
}

// claim asks the supervisor to let p publish.
func (b *Broadcast) claim(ctx context.Context, p ingest.Publisher) (*publication, error) {
	granted, refused := make(chan *publication), make(chan error, 1)
	c := claim{publisher: p, gone: ctx.Done(), granted: granted, refused: refused}
	select {
	case b.claims <- c:
	case <-b.ended:
		return nil, errEnded
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	select {
	case pub := <-granted:
		return pub, nil
	case err := <-refused:
		return nil, err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// grant hands the program to the claim's publisher; false when it has left.
func (b *Broadcast) grant(c claim) *publication {
	session := sessionToken()
	b.shelf.admit(session)
	if b.aired() { // else when it is
		b.note()
	}
	b.program.segmenter.Start(session)
	if b.program.window.Load() == nil {
		b.state.Store(int32(Starting))
	} else {
		b.state.Store(int32(Live))
	}
	b.lastUnit.Store(int64(time.Since(b.made)))
	b.program.warnings.reset()
	pub := &publication{broadcast: b, publisher: c.publisher}
	select {
	case c.granted <- pub:
		b.encoder.Store(&c.publisher.Encoder)
		return pub
	case <-c.gone:
		return nil
	}
}

// sessionToken names a publication for all time.
func sessionToken() string { return rand.Text()[:10] }

// silent says whether the publisher has sent nothing for a while.
func (b *Broadcast) silent() bool {
	return time.Since(b.made)-time.Duration(b.lastUnit.Load()) > silence
}

func refuse(c claim, format string, args ...any) {
	c.refused <- fmt.Errorf(format, args...)
}
