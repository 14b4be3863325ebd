package broadcast

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golive/archive"
	"golive/ingest"
	"golive/playlist"
)

// Why a broadcast ended, in logs and metrics.
const (
	endedClean    = "unpublished"
	endedLost     = "publisher_lost"
	endedShutdown = "shutdown"
	endedBroken   = "broken"
	endedMoved    = "moved" // another node has it
	endedRequest  = "requested"
)

// silence is how long a publisher must have sent nothing before another one with
// the same key takes over.
const silence = time.Second

// errEnded is the reply to a claim after the end: the Hub then makes a new broadcast.
var errEnded = errors.New("broadcast has ended")

// Broadcast is one live stream from its first byte to EXT-X-ENDLIST.
type Broadcast struct {
	id      string
	made    time.Time // when this run made it, by the monotonic clock too
	cfg     Settings
	log     *slog.Logger
	metrics *Metrics
	stores  Stores

	state    atomic.Int32
	lastUnit atomic.Int64 // when the newest access unit arrived, nanoseconds after made
	encoder  atomic.Pointer[string]
	warnings warnings

	opening opening
	lease   Lease
	// meta identifies the broadcast; publications are the tokens of its publishers'
	// connections.
	meta         atomic.Pointer[archive.Meta]
	publications atomic.Pointer[[]string]
	ending       atomic.Pointer[ending] // nil before the end

	renditions   atomic.Pointer[renditions] // nil before it is open
	describing   sync.Mutex                 // of the writers of renditions and multivariant
	multivariant atomic.Pointer[multivariant]
	archiver     atomic.Pointer[archiver]
	ladder       *ladder
	pictures     *livePictures

	claims   chan claim
	released chan error
	shown    chan struct{} // holds a token when there is something to watch for the first time
	requests chan string   // holds why the broadcast is to end at once
	deleted  chan struct{} // holds a token when nobody is to read the ended broadcast any more
	ended    chan struct{} // closed when no claim is accepted any more
	swept    chan struct{} // closed when run has returned: nothing of it writes to the bucket
	next     numbering     // valid once ended is closed
	moved    bool          // another node continues it; valid once ended is closed
	lost     int           // segments that the stop of the server lost; valid once swept is closed

	replays *replays    // notified when the bucket has all of the broadcast
	resumed *resumption // nil for a new broadcast
	begun   bool        // it was counted and logged; run's

	reports    reports
	reported   State // the last state that was reported; the supervisor's
	superseded bool  // another one has begun under the id: nothing is reported

	// previous is the broadcast that had the id before, and can still be read, until
	// this one can. The Hub changes it.
	previous atomic.Pointer[Broadcast]
}

// ending is when a broadcast ended: at by the time of day, from which its replay is kept, and
// announced when players were shown the end.
type ending struct{ at, announced time.Time }

// endTime returns the time of day of an end that came at, for a beginning at began. When
// the wall clock was set back in between it is later by that than the clock says: nothing
// may seem to end before it began, and nothing is deleted too early.
func endTime(began, at time.Time) time.Time {
	lasted := max(0, at.Sub(began)) // by the monotonic clock, where both have its reading
	end := began.Round(0).Add(lasted)
	if wall := at.Round(0); wall.After(end) {
		return wall
	}
	return end
}

// began returns when the broadcast began, by the monotonic clock too if that was in this
// run.
func (b *Broadcast) began() time.Time {
	if began := b.meta.Load().Began; !began.Equal(b.made.Truncate(time.Millisecond)) {
		return began
	}
	return b.made
}

// opening is what decides how a broadcast begins. It belongs to the goroutine that may open
// it: the Hub's, and then the publisher's.
type opening struct {
	// from is where its numbers begin.
	from numbering
	// hold is closed when a predecessor does not write to the bucket any more; may be nil.
	hold <-chan struct{}
	// found receives what another node stored of it; nil when the bucket is not asked.
	found chan *archive.Recovered
	// lookupTimeout is how long the first media waits for found.
	lookupTimeout time.Duration
	// opened receives the archiver, once.
	opened chan *archiver
	done   bool
}

// newBroadcast makes a broadcast that is not open yet.
func newBroadcast(id string, h *Hub, o opening) *Broadcast {
	now := time.Now()
	o.opened = make(chan *archiver, 1)
	b := &Broadcast{
		id:       id,
		made:     now,
		cfg:      h.cfg,
		log:      h.log.With("broadcast", id),
		metrics:  h.metrics,
		stores:   h.stores,
		opening:  o,
		lease:    soleOwner{},
		replays:  h.replays,
		claims:   make(chan claim),
		released: make(chan error),
		shown:    make(chan struct{}, 1),
		requests: make(chan string, 1),
		deleted:  make(chan struct{}, 1),
		reported: notReported,
		warnings: warnings{changed: make(chan struct{}, 1)},
		ended:    make(chan struct{}),
		swept:    make(chan struct{}),
	}
	b.meta.Store(&archive.Meta{Broadcast: id, Token: archive.NewToken(), Began: now.UTC().Truncate(time.Millisecond), Owner: archive.NewToken()})
	b.publications.Store(&[]string{})
	b.archiver.Store(noArchiver())
	b.ladder = newLadder(b)
	b.pictures = newLivePictures(b)
	return b
}

// open makes the renditions and the archiver: those of a new broadcast, or of f, which an
// earlier run, or with takenOver another node, left.
func (b *Broadcast) open(f *archive.Recovered, takenOver bool) {
	b.opening.done = true
	if f != nil {
		if takenOver || f.Owner == "" {
			f.Owner = b.meta.Load().Owner
		}
		b.meta.Store(&f.Meta)
		publications := append(slices.Clone(f.Publications), *b.publications.Load()...)
		b.publications.Store(&publications)
	}
	a := newArchiver(b, f, takenOver)
	b.openRenditions(f, a)
	if f != nil {
		b.describe()
	}
	b.archiver.Store(a)
	b.opening.opened <- a
}

// describe renders the multivariant playlist of all renditions that can be watched.
func (b *Broadcast) describe() {
	b.describing.Lock()
	defer b.describing.Unlock()
	live, independent := b.variants((*Rendition).live, false)
	if len(live) == 0 {
		return
	}
	m := &multivariant{replaced: make(chan struct{}), live: playlist.NewText(playlist.Multivariant(live, independent, archive.PlaylistName))}
	if plain, independent := b.variants((*Rendition).plain, false); len(plain) > 0 {
		m.plain = playlist.NewText(playlist.Multivariant(plain, independent, playlist.PlainName))
	}
	if old := b.multivariant.Swap(m); old != nil {
		close(old.replaced)
	}
}

// variants returns what is declared of a packaging of each rendition, with offline set also of
// those that are offline.
func (b *Broadcast) variants(of func(*Rendition) *packaging, offline bool) (variants []playlist.Variant, independent bool) {
	independent = true
	for _, r := range b.all() {
		if v := of(r).variant.Load(); v != nil && (offline || !r.offline.Load()) {
			variants = append(variants, *v)
			independent = independent && r.independent.Load()
		}
	}
	return variants, independent
}

// published reports whether there was ever something to watch. Without media there is no
// broadcast.
func (b *Broadcast) published() bool {
	return slices.ContainsFunc(b.all(), func(r *Rendition) bool { return r.live().window.Load() != nil })
}

// recorded reports whether there was ever something to archive: MPEG-TS does not carry AV1 and
// Opus.
func (b *Broadcast) recorded() bool {
	return slices.ContainsFunc(b.all(), func(r *Rendition) bool { return r.plain().window.Load() != nil })
}

// Watchable reports whether the broadcast has a rendition to show.
func (b *Broadcast) Watchable() bool { return b.resumed != nil || b.multivariant.Load() != nil }

// ID is the broadcast's public name.
func (b *Broadcast) ID() string { return b.id }

// State is where the broadcast is in its life.
func (b *Broadcast) State() State { return State(b.state.Load()) }

// Window returns the live state of a rendition by the file name of its playlist; nil when
// there is none of that name, or nothing in it yet.
func (b *Broadcast) Window(rendition, name string) *playlist.Window {
	r := b.rendition(rendition)
	switch {
	case r == nil:
		return nil
	case name == playlist.PlainName:
		return r.plain().window.Load()
	}
	return r.live().window.Load()
}

// claim is a publisher's wish to publish; the supervisor grants or refuses it.
type claim struct {
	publisher ingest.Publisher
	gone      <-chan struct{} // the publisher does not wait any longer
	granted   chan<- *publication
	refused   chan<- error
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
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

// grant lets the claim's publisher publish, without a disk or the bucket; nil when the
// publisher has left.
func (b *Broadcast) grant(c claim) *publication {
	token := archive.NewToken()
	publications := append(slices.Clone(*b.publications.Load()), token)
	b.publications.Store(&publications)
	pub := &publication{broadcast: b, publisher: c.publisher, token: token, granted: time.Now(), extra: extraTracks{b: b}}
	if b.opening.done {
		pub.begin()
	}
	state := Starting
	if b.published() {
		state = Live
	}
	b.lastUnit.Store(int64(time.Since(b.made)))
	b.warnings.reset()
	select {
	case c.granted <- pub:
		b.lease.SetOpen(b.openTo(false))
		b.encoder.Store(&c.publisher.Encoder)
		if c.publisher.Issued {
			b.report(Change{Kind: KeyUsed, At: pub.granted})
		}
		b.transition(state, pub.granted, "")
		return pub
	case <-c.gone:
		return nil
	}
}

// silent reports whether the publisher has sent nothing for a while.
func (b *Broadcast) silent() bool {
	return time.Since(b.made)-time.Duration(b.lastUnit.Load()) > silence
}

func refuse(c claim, format string, args ...any) {
	c.refused <- fmt.Errorf(format, args...)
}
