package ingest

import (
	"fmt"
	"math"
	"runtime"
	"strings"
	"sync/atomic"

	"golive/internal/setting"
)

// MemoryLimit is what media may hold of the memory, in bytes. As text it is a size, or
// "auto".
type MemoryLimit int64

// AutoMemory is half of the memory that the process may have.
const AutoMemory MemoryLimit = -1

const autoText = "auto"

// UnmarshalText reads l from text.
func (l *MemoryLimit) UnmarshalText(text []byte) error {
	if strings.TrimSpace(string(text)) == autoText {
		*l = AutoMemory
		return nil
	}
	var n setting.Bytes
	if err := n.UnmarshalText(text); err != nil {
		return fmt.Errorf("%w, or auto", err)
	}
	*l = MemoryLimit(n)
	return nil
}

// MarshalText writes l as UnmarshalText reads it.
func (l MemoryLimit) MarshalText() ([]byte, error) { return []byte(l.String()), nil }

// String returns l as UnmarshalText reads it.
func (l MemoryLimit) String() string {
	if l == AutoMemory {
		return autoText
	}
	return setting.Bytes(l).String()
}

// minMemory is the smallest limit: less is no server.
const minMemory = 16 * setting.MiB

func (l MemoryLimit) validate(p *setting.Problems) {
	if l != AutoMemory && l != 0 && setting.Bytes(l) < minMemory {
		p.Add("limits.memory", "auto is half of what there is, 0 is no limit", "must be at least %s", minMemory)
	}
}

// sessionMemory is what a session is counted with at least, in bytes: media of those
// that have just begun is still to come.
const sessionMemory = 1 << 20

// Memory counts what the node's media holds of the memory: the segments in the windows
// of live broadcasts, and those that wait to be stored or are being sent. It may be used
// by many goroutines. A nil Memory counts nothing.
type Memory struct {
	limit int64 // 0 is no limit
	held  atomic.Int64
}

// NewMemory returns the count of a node where available bytes can be had; 0 is not
// known, and then AutoMemory is no limit.
func NewMemory(limit MemoryLimit, available int64) *Memory {
	if limit == AutoMemory {
		if limit = 0; available > 0 && available < math.MaxInt64 {
			limit = max(MemoryLimit(available/2), MemoryLimit(minMemory))
		}
	}
	return &Memory{limit: int64(limit)}
}

// Hold counts a slab of media until nothing refers to it any more and its memory has
// been collected. The slab must be allocated on its own.
func (m *Memory) Hold(slab []byte) {
	if m == nil || len(slab) == 0 {
		return
	}
	n := int64(cap(slab))
	m.held.Add(n)
	runtime.AddCleanup(&slab[0], m.release, n)
}

func (m *Memory) release(n int64) { m.held.Add(-n) }

// Held returns how many bytes are counted.
func (m *Memory) Held() int64 { return m.held.Load() }

// Limit returns the most that media may hold, in bytes; 0 is no limit.
func (m *Memory) Limit() int64 { return m.limit }

// check refuses another session beside so many, if there is no memory for it.
func (m *Memory) check(sessions int) error {
	if m == nil || m.limit == 0 {
		return nil
	}
	held := max(m.Held(), int64(sessions)*sessionMemory)
	if held+sessionMemory <= m.limit {
		return nil
	}
	return &LimitError{
		Limit:    LimitMemory,
		Measured: fmt.Sprintf("media of %d broadcasts holds %d MiB of the memory", sessions, held>>20),
		Allowed:  fmt.Sprintf("%d MiB", m.limit>>20),
	}
}
