package rtmp

import (
	"fmt"
	"sync"

	"golive/ingest"
)

// memory bounds the memory of incomplete messages of all sessions. Above the bound the
// session that holds the most is ended.
type memory struct {
	most int64

	mu     sync.Mutex
	held   int64
	shares map[*share]struct{}
}

// share is one session's part of the memory. It implements chunk.Memory.
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

// Grow implements chunk.Memory. It returns an error if this session is the one to end.
func (s *share) Grow(n int) error {
	m := s.of
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, ok := m.shares[s]; !ok {
		return errInterrupted // the session is being ended
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
			Measured: fmt.Sprintf("incomplete messages of all publishers occupy %d MiB, %d MiB of them this one's", m.held>>20, largest.held>>20),
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

// leave removes the session.
func (s *share) leave() {
	s.of.mu.Lock()
	defer s.of.mu.Unlock()
	s.of.remove(s)
}

// remove removes a session; the caller holds mu.
func (m *memory) remove(s *share) {
	if _, ok := m.shares[s]; ok {
		delete(m.shares, s)
		m.held -= s.held
	}
}
