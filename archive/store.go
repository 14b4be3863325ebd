package archive

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"golive/storage"
	"golive/storage/disk"
)

// Store is the folder on the local disk that holds the segments and logs of all
// broadcasts of this node.
type Store struct {
	cfg        Config
	files      *disk.Bucket
	log        *slog.Logger
	metrics    *Metrics
	sync       func() error // syncs the file system
	queueBytes int64        // maxQueueBytes, or less in tests

	dirty atomic.Bool // something was written since the last sync

	mu         sync.Mutex
	recordings map[*Recording]struct{}
	waiting    int64 // bytes on the local disk that wait for the bucket
	segments   int   // how many segments those are
}

// NewStore returns the Store in the folder of files.
func NewStore(files *disk.Bucket, cfg Config, log *slog.Logger, m *Metrics) *Store {
	m.maxBytes.Set(float64(cfg.MaxBytes))
	return &Store{
		cfg:        cfg,
		queueBytes: maxQueueBytes,
		files:      files,
		log:        log,
		metrics:    m,
		sync:       files.Dir().Sync,
		recordings: map[*Recording]struct{}{},
	}
}

// Files returns the folder as a bucket.
func (s *Store) Files() storage.Bucket { return s.files }

// Uploaded reports whether segments go to a bucket; otherwise the local files are the
// archive.
func (s *Store) Uploaded() bool { return s.cfg.Uploaded }

// Run syncs the disk by the policy until ctx is done, and then once more.
func (s *Store) Run(ctx context.Context) error {
	tick := time.NewTicker(syncEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			if err := s.flush(); err != nil {
				s.log.Warn("disk was not synced", "err", err)
			}
		case <-ctx.Done():
			return s.flush()
		}
	}
}

// flush syncs all writes since the last time.
func (s *Store) flush() error {
	if s.cfg.Sync == storage.SyncNever || !s.dirty.Swap(false) {
		return nil
	}
	if err := s.sync(); err != nil {
		s.dirty.Store(true)
		return fmt.Errorf("sync archive: %w", err)
	}
	return nil
}

// markWritten notes that something was written, and syncs it if the policy requires that, or
// if it is urgent.
func (s *Store) markWritten(urgent bool) error {
	s.dirty.Store(true)
	if s.cfg.Sync != storage.SyncAlways && !urgent {
		return nil
	}
	return s.flush()
}

// addWaiting counts n bytes of a segment that waits for the bucket; n is negative when it does not
// wait any more. Over MaxBytes it drops the oldest segments.
func (s *Store) addWaiting(n int64) {
	s.mu.Lock()
	s.waiting += n
	if n < 0 {
		s.segments--
	} else {
		s.segments++
	}
	s.metrics.bytes.Set(float64(s.waiting))
	s.metrics.segments.Set(float64(s.segments))
	over := s.cfg.MaxBytes > 0 && s.waiting > s.cfg.MaxBytes
	s.mu.Unlock()
	for over && n > 0 {
		over = s.dropOldest()
	}
}

// dropOldest drops the segment that has waited longest, and reports whether there is still
// too much.
func (s *Store) dropOldest() bool {
	s.mu.Lock()
	var oldest *Recording
	var since time.Time
	for r := range s.recordings {
		r.mu.Lock()
		if it := r.oldestDroppable(); it != nil && (oldest == nil || it.Since.Before(since)) {
			oldest, since = r, it.Since
		}
		r.mu.Unlock()
	}
	s.mu.Unlock()
	if oldest == nil || !oldest.dropOldest() {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.waiting > s.cfg.MaxBytes
}

// Waiting returns how many bytes on the local disk wait for the bucket.
func (s *Store) Waiting() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.waiting
}

func (s *Store) register(r *Recording) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.recordings[r] = struct{}{}
}

func (s *Store) unregister(r *Recording) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.recordings, r)
}

// errTorn is the error for a local file that is not the segment that was written.
var errTorn = errors.New("local file is damaged")

// read reads a whole file of that many bytes.
func (s *Store) read(ctx context.Context, key string, size int64) ([]byte, error) {
	r, err := s.files.Get(ctx, key, 0, -1)
	if err != nil {
		return nil, err
	}
	if r.Size != size {
		return nil, errors.Join(fmt.Errorf("%w: it has %d bytes of %d", errTorn, r.Size, size), r.Close())
	}
	body := make([]byte, size)
	_, err = io.ReadFull(r.Body, body)
	return body, errors.Join(err, r.Close())
}
