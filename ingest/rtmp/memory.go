package rtmp

import (
	"fmt"
	"sync"

	"golive/ingest"
)

// memory bounds what the unfinished messages of all sessions hold. Over the bound the
// session that holds most is ended.
type memory struct {
	most int64

	mu     sync.Mutex
	held   int64
	shares map[*share]struct{}
}

// share is one session's part of it: a chunk.Memory.
type share struct {
	of   *memory
	end  func(cause error) // ends the session; it must not wait
	held int64             // of.mu guards it
}

func newMemory(most int64) *memory { return &memory{most: most, shares: map[*share]struct{}{}} }

// share adds a session.
func (m *memory) share(end func(error)) *share {
	s := &share{of: m, end: end}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.shares[s] = struct{}{}
	return s
}

// Grow implements chunk.Memory. The error says that this session is the one to end.
func (s *share) Grow(n int) error {
	m := s.of
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, ok := m.shares[s]; !ok {
		return errCut // it is being ended
	}
	s.held += int64(n)
	m.held += int64(n)
	for m.held > m.most {
		largest := s
		for other := range m.shares {
			if other.held > largest.held {
				largest = other
			}
		}
		err := &ingest.CutError{Err: &ingest.LimitError{
			Limit:    ingest.LimitMessageMemory,
			Measured: fmt.Sprintf("unfinished messages of all publishers hold %d MiB, %d MiB of them this one's", m.held>>20, largest.held>>20),
			Allowed:  fmt.Sprintf("%d MiB", m.most>>20),
		}}
		m.remove(largest)
		if largest == s {
			return err
		}
		largest.end(err)
	}
	return nil
}

// Shrink implements chunk.Memory.
func (s *share) Shrink(n int) {
	s.of.mu.Lock()
	defer s.of.mu.Unlock()
	if _, ok := s.of.shares[s]; ok {
		s.held -= int64(n)
		s.of.held -= int64(n)
	}
}

// leave takes the session out.
func (s *share) leave() {
	s.of.mu.Lock()
	defer s.of.mu.Unlock()
	s.of.remove(s)
}

// remove takes a session out; the caller holds mu.
func (m *memory) remove(s *share) {
	if _, ok := m.shares[s]; ok {
		delete(m.shares, s)
		m.held -= s.held
	}
}
