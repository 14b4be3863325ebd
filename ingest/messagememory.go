package ingest

import (
	"fmt"
	"sync"
)

// MessageMemory bounds the memory of incomplete messages of all sessions, of all protocols.
// Above the bound the session that holds the most is ended. It may be used by many goroutines.
type MessageMemory struct {
	most int64

	mu     sync.Mutex
	held   int64
	shares map[*MessageShare]struct{}
}

// MessageShare is one session's part of a MessageMemory. Package rtmp gives it to the reader
// of its messages.
type MessageShare struct {
	of   *MessageMemory
	end  func(cause error)
	held int64 // of.mu guards it
}

// NewMessageMemory returns a MessageMemory of that many bytes.
func NewMessageMemory(most int64) *MessageMemory {
	return &MessageMemory{most: most, shares: map[*MessageShare]struct{}{}}
}

// Held returns the number of bytes that incomplete messages occupy.
func (m *MessageMemory) Held() int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.held
}

// Share adds a session. end, which must not wait, ends it; it is called with a *CutError if the
// session holds the most when another one needs memory.
func (m *MessageMemory) Share(end func(cause error)) *MessageShare {
	s := &MessageShare{of: m, end: end}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.shares[s] = struct{}{}
	return s
}

// Grow reserves n bytes. It returns a *CutError if this session is the one to end, and
// ErrInterrupted if it is being ended already.
func (s *MessageShare) Grow(n int) error {
	m := s.of
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, ok := m.shares[s]; !ok {
		return ErrInterrupted // the session is being ended
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
		err := &CutError{Err: &LimitError{
			Limit:    LimitMessageMemory,
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

// Shrink releases n bytes.
func (s *MessageShare) Shrink(n int) {
	s.of.mu.Lock()
	defer s.of.mu.Unlock()
	if _, ok := s.of.shares[s]; ok {
		s.held -= int64(n)
		s.of.held -= int64(n)
	}
}

// Leave removes the session, with what it holds.
func (s *MessageShare) Leave() {
	s.of.mu.Lock()
	defer s.of.mu.Unlock()
	s.of.remove(s)
}

// remove removes a session; the caller holds mu.
func (m *MessageMemory) remove(s *MessageShare) {
	if _, ok := m.shares[s]; ok {
		delete(m.shares, s)
		m.held -= s.held
	}
}
