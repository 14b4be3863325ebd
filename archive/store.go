package archive

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// Store is the folder on the local disk that holds the segments and logs of all
// broadcasts of this node.
type Store struct {
	cfg  Config
	root *os.Root
	log  *slog.Logger
	sync func(*os.Root) error // syncs the file system

	dirty atomic.Bool // something was written since the last sync

	mu         sync.Mutex
	recordings map[*Recording]struct{}
	waiting    int64 // bytes on the local disk that wait for the bucket
}

// Open opens the Store in dir, which is made when it is not there.
func Open(dir string, cfg Config, log *slog.Logger) (*Store, error) {
	if err := os.MkdirAll(dir, dirMode); err != nil {
		return nil, fmt.Errorf("open archive: %w", err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("open archive: %w", err)
	}
	return &Store{
		cfg:        cfg.withDefaults(),
		root:       root,
		log:        log,
		sync:       syncFileSystem,
		recordings: map[*Recording]struct{}{},
	}, nil
}

// Close closes the folder. Files opened by Recording.Open stay readable.
func (s *Store) Close() error { return s.root.Close() }

// Recover reads what earlier runs left, in the order in which the broadcasts began.
// What cannot be read is told in the error, and left as it is.
func (s *Store) Recover() ([]*Recovered, error) {
	r := recovery{root: s.root, layout: s.cfg.Layout, window: s.cfg.Window, uploaded: s.cfg.Uploaded, log: s.log}
	return r.recoverAll()
}

// Run syncs the disk as the policy says until ctx is done, and then once more.
func (s *Store) Run(ctx context.Context) error {
	if s.cfg.Sync != SyncInterval {
		<-ctx.Done()
		return s.flush()
	}
	tick := time.NewTicker(s.cfg.SyncEvery)
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

// flush syncs what was written since the last time.
func (s *Store) flush() error {
	if s.cfg.Sync == SyncNever || !s.dirty.Swap(false) {
		return nil
	}
	err := s.sync(s.root)
	if err != nil {
		s.dirty.Store(true)
	}
	return err
}

// wrote notes that something was written, and syncs it where the policy says so.
func (s *Store) wrote() error {
	s.dirty.Store(true)
	if s.cfg.Sync != SyncAlways {
		return nil
	}
	return s.flush()
}

// add counts bytes that wait for the bucket, and makes room for them.
func (s *Store) add(n int64) {
	s.mu.Lock()
	s.waiting += n
	over := s.cfg.MaxBytes > 0 && s.waiting > s.cfg.MaxBytes
	s.mu.Unlock()
	for over {
		over = s.loseOldest()
	}
}

// loseOldest gives up the segment that has waited longest, and reports whether there is
// still too much.
func (s *Store) loseOldest() bool {
	s.mu.Lock()
	var victim *Recording
	var since time.Time
	for r := range s.recordings {
		if at, ok := r.oldestWaiting(); ok && (victim == nil || at.Before(since)) {
			victim, since = r, at
		}
	}
	s.mu.Unlock()
	if victim == nil || !victim.loseOldest() {
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

func (s *Store) enter(r *Recording) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.recordings[r] = struct{}{}
}

func (s *Store) leave(r *Recording) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.recordings, r)
}

// remove deletes a file; it is no error when there is none.
func (s *Store) remove(key string) error {
	if err := s.root.Remove(key); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("delete local file: %w", err)
	}
	return nil
}
