package ingest

import (
	"fmt"
	"math"
	"runtime"
	"strings"
	"sync/atomic"

	"golive/internal/setting"
)

// MemoryLimit is the maximum memory of media, in bytes. Its text is a size or "auto".
type MemoryLimit int64

// AutoMemory is half of the memory that is available to the process.
const AutoMemory MemoryLimit = -1

const autoText = "auto"

// UnmarshalText implements encoding.TextUnmarshaler.
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

// MarshalText implements encoding.TextMarshaler.
func (l MemoryLimit) MarshalText() ([]byte, error) { return []byte(l.String()), nil }

// String returns the text of l.
func (l MemoryLimit) String() string {
	if l == AutoMemory {
		return autoText
	}
	return setting.Bytes(l).String()
}

// minMemory is the smallest limit.
const minMemory = 16 * setting.MiB

func (l MemoryLimit) validate(p *setting.Problems) {
	if l != AutoMemory && l != 0 && setting.Bytes(l) < minMemory {
		p.Add("limits.memory", "auto is half of the available memory, 0 means no limit", "must be at least %s", minMemory)
	}
}

// sessionMemory is the least memory that is assumed for a session, in bytes: that of a new
// session will still grow.
const sessionMemory = 1 << 20

// Memory counts the memory of the node's media: the complete segments in the windows of live
// broadcasts, and those that wait to be stored or are being sent. It may be used by many
// goroutines. A nil Memory counts nothing.
type Memory struct {
	limit int64 // 0 is no limit
	held  atomic.Int64
}

// NewMemory returns a Memory for a node with available bytes of memory. If available is 0,
// it is not known, and AutoMemory means no limit.
func NewMemory(limit MemoryLimit, available int64) *Memory {
	if limit == AutoMemory {
		if limit = 0; available > 0 && available < math.MaxInt64 {
			limit = max(MemoryLimit(available/2), MemoryLimit(minMemory))
		}
	}
	return &Memory{limit: int64(limit)}
}

// Hold counts the slabs of a complete segment until the last one has been garbage collected, which
// must be a separate allocation. They are not counted one by one: what the garbage collector keeps
// of each has cost more than making the parts.
func (m *Memory) Hold(slabs [][]byte) {
	if m == nil || len(slabs) == 0 {
		return
	}
	var n int64
	for _, s := range slabs {
		n += int64(cap(s))
	}
	m.held.Add(n)
	runtime.AddCleanup(&slabs[len(slabs)-1][0], m.release, n)
}

func (m *Memory) release(n int64) { m.held.Add(-n) }

// Held returns the number of bytes that are counted.
func (m *Memory) Held() int64 { return m.held.Load() }

// Limit returns the maximum in bytes; 0 means no limit.
func (m *Memory) Limit() int64 { return m.limit }

// check returns a *LimitError if there is no memory for another session.
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
		Measured: fmt.Sprintf("the media of %d broadcasts occupies %d MiB of memory", sessions, held>>20),
		Allowed:  fmt.Sprintf("%d MiB", m.limit>>20),
	}
}
