package storage

import (
	"bytes"
	"log/slog"
	"path"
	"sync"
	"sync/atomic"
	"time"

	"golive/internal/setting"
	"golive/media"
)

// Index is who knows which playlists name which segments. Its methods are called
// on the Archiver's goroutine, one at a time.
type Index interface {
	// Acked is told, in the order of offers, that seg is in the bucket
	// (lost=false) or was given up (lost=true); a lost segment may come without
	// its Parts, so that an outage does not keep their bytes. It returns the
	// objects to put next: the playlists that may name the segment now, each one
	// after those it names itself.
	Acked(rendition string, seg *media.Segment, lost bool) []Object
}

// Ender is an Index that renders the last objects itself. Ended is called once,
// after Finish and the last Acked, when it is known what was lost; its objects
// replace those given to Finish that have the same key.
type Ender interface {
	Ended() []Object
}

// Announcer is an Index that has something put before a segment. Announce is called
// before each try to put it; false means that nothing is.
type Announcer interface {
	Announce(seg *media.Segment) (Object, bool)
}

// ArchiverConfig is how one broadcast is archived. A zero field but Prefix means
// its default.
type ArchiverConfig struct {
	// Prefix is the beginning of every segment's key: "live/ID".
	Prefix string
	// Broadcast is the broadcast's name in the Spool; the end of Prefix.
	Broadcast string
	// Spool takes what the bucket does not; nil keeps all that waits in memory.
	Spool Spool
	// QueueBytes is how much may wait for the bucket in memory; 64 MiB. A single
	// segment is taken whatever its size.
	QueueBytes int64
	// RetryMin and RetryMax bound the time between two tries of a failing
	// operation; 200 ms, growing to 5 s.
	RetryMin, RetryMax time.Duration
	// PlaylistInterval is how often at most playlists are put while segments
	// wait; 1 s. With nothing waiting they are put at once.
	PlaylistInterval time.Duration
	// KeyPace spaces the puts of one playlist: what is rendered meanwhile waits, and the
	// newest is put. Nil puts each at once.
	KeyPace *KeyPace
	// DeleteTimeout is how long after its time an object that cannot be deleted
	// is given up; 1 h.
	DeleteTimeout time.Duration
	// SpillAfter is how long a segment waits before it is spooled; 1 s. One behind
	// another of its rendition is spooled at once.
	SpillAfter time.Duration
	// Hold, when it is not nil, keeps Run from the bucket until it is closed: an
	// earlier Archiver is not done with the same playlists. What is offered meanwhile
	// may go to the Spool.
	Hold <-chan struct{}
	// SpillTimeout bounds how long Run goes on at its end to spool what waits in
	// memory; 5 s.
	SpillTimeout time.Duration
}

func (c ArchiverConfig) withDefaults() ArchiverConfig {
	setDefault(&c.QueueBytes, int64(64*setting.MiB))
	setDefault(&c.RetryMin, 200*time.Millisecond)
	setDefault(&c.RetryMax, 5*time.Second)
	setDefault(&c.PlaylistInterval, time.Second)
	setDefault(&c.DeleteTimeout, time.Hour)
	setDefault(&c.SpillAfter, time.Second)
	setDefault(&c.SpillTimeout, 5*time.Second)
	if c.Broadcast == "" {
		c.Broadcast = path.Base(c.Prefix)
	}
	return c
}

func setDefault[T int64 | time.Duration](field *T, value T) {
	if *field == 0 {
		*field = value
	}
}

// Archiver brings one broadcast's objects into a Bucket: segments in the order of
// offers and one at a time, playlists after the segments they name, deletions at
// their time. While the bucket fails, or is slower than real time, it tries again
// and again, and what waits goes to the Spool. What it cannot hold meanwhile is
// lost, counted, and told to the Index in its place.
//
// Offer, Expire, Finish and Status may be called from any goroutine and never
// wait. Run does the work.
type Archiver struct {
	cfg     ArchiverConfig
	bucket  Bucket
	index   Index
	log     *slog.Logger
	metrics *Metrics

	changed chan struct{} // holds one token when there is news for Run
	spill   chan struct{} // the same for the spiller
	drained chan struct{} // closed by Run when the final objects are put, or at its end
	status  atomic.Pointer[ArchiverStatus]

	mu       sync.Mutex
	queue    queue
	expiries expiries
	final    []Object
	offered  bool // a segment of this run is, or was, in the queue
	finished bool // no more offers
	stopped  bool // Run does not work any more
	lost     int64
	losses   tally
	failing  failure
	asked    operation // of the bucket, and not answered yet
	answered time.Time // when it answered for the last time
	left     Left

	settled  []*Spooled // in the bucket, but not yet in a playlist there
	discard  []*Spooled // for the spiller to remove
	spooling failure    // of the Spool
}

// NewArchiver makes the Archiver of one broadcast. log carries the broadcast's id.
func NewArchiver(cfg ArchiverConfig, bucket Bucket, index Index, log *slog.Logger, metrics *Metrics) *Archiver {
	a := &Archiver{
		cfg:     cfg.withDefaults(),
		bucket:  bucket,
		index:   index,
		log:     log,
		metrics: metrics,
		changed: make(chan struct{}, 1),
		spill:   make(chan struct{}, 1),
		drained: make(chan struct{}),
	}
	a.status.Store(&ArchiverStatus{})
	return a
}

// Offer queues a segment and says whether it was taken. It refuses, and counts,
// when the queue is over its bytes; then the segment's turn comes as lost. After
// Finish, or when Run has returned, nothing is taken and the Index hears nothing.
func (a *Archiver) Offer(rendition string, seg *media.Segment) bool {
	u := newUpload(a.cfg.Prefix, rendition, seg, time.Now())
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.finished || a.stopped {
		a.lost++
		a.metrics.dropped.WithLabelValues(droppedStopped).Inc()
		a.publish()
		return false
	}
	a.offered = true
	taken := a.queue.bytes == 0 || a.queue.bytes+u.size <= a.cfg.QueueBytes
	if !taken {
		u.lose()
		a.countLost(droppedQueueFull)
	}
	a.queue.push(u)
	a.metrics.queueBytes.Add(float64(u.size))
	a.publish()
	a.wake()
	return taken
}

// Recover queues what an earlier run left in the Spool, before anything is
// offered. The Index hears of the segment as of any other, but its parts have no
// bytes; one that had reached the bucket just before the end of that run is put and
// told once more.
func (a *Archiver) Recover(e *Spooled) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.offered {
		panic("storage: segment recovered after others were offered")
	}
	a.queue.push(recoveredUpload(a.cfg.Prefix, e))
	a.publish()
	a.wake()
}

// Skip queues a segment that there are no bytes of: its turn comes as lost, in
// order with the segments offered. It is not counted as dropped.
func (a *Archiver) Skip(rendition string, seg *media.Segment) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.finished || a.stopped {
		return
	}
	u := &upload{rendition: rendition, seg: seg, offered: time.Now()}
	u.lose()
	a.queue.push(u)
	a.publish()
	a.wake()
}

// Open reads length bytes from offset of a segment that waits in the Spool; a length
// of -1 means to its end. False means that it does not wait there. While nothing waits
// there it takes no lock.
func (a *Archiver) Open(key string, offset, length int64) (*Reader, bool) {
	if a.status.Load().SpoolSegments == 0 {
		return nil, false
	}
	a.mu.Lock()
	var spooled *Spooled
	if u := a.queue.find(key); u != nil {
		spooled = u.spooled
	}
	a.mu.Unlock()
	if spooled == nil {
		return nil, false
	}
	body, err := a.cfg.Spool.Read(spooled)
	if err != nil {
		return nil, false // it may just have reached the bucket
	}
	size := int64(len(body))
	n, err := CheckRange(offset, length, size)
	if err != nil {
		return nil, false
	}
	return &Reader{
		Info:  Info{Key: key, Size: size, Modified: spooled.Offered},
		Body:  bytes.NewReader(body[offset : offset+n]),
		Close: func() error { return nil },
	}, true
}

// Drained is closed when the final objects are in the bucket, so that only
// deletions are left to do; or when Run has returned without that.
func (a *Archiver) Drained() <-chan struct{} { return a.drained }

// Expire deletes the object at that time; the caller leaves time for the playlists
// in the bucket that name it. What has not been put by then is not put any more: a
// segment is lost so, and an outage does not fill the queue with what nobody wants.
// Expirations told after Finish are kept only while Run still has something to do:
// tell them before, or from the Index.
func (a *Archiver) Expire(key string, at time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.stopped {
		return
	}
	a.expiries.add(expiry{key: key, at: at})
	a.wake()
}

// Finish says that no more segments come. The final objects, playlists with
// ENDLIST, are put after the queue has drained.
func (a *Archiver) Finish(final ...Object) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.finished {
		return
	}
	a.finished = true
	a.final = final
	a.wake()
}

// wake tells Run and the spiller that there is news; one token stands for any
// number of them.
func (a *Archiver) wake() {
	for _, news := range []chan struct{}{a.changed, a.spill} {
		select {
		case news <- struct{}{}:
		default:
		}
	}
}
