package ingest

import (
	"errors"
	"runtime"
	"testing"
	"time"
)

// awaitCollection waits until m counts no more than most bytes.
func awaitCollection(t *testing.T, m *Memory, most int64) {
	t.Helper()
	deadline := time.After(10 * time.Second)
	for tick := time.Tick(time.Millisecond); m.Held() > most; {
		runtime.GC()
		select {
		case <-tick:
		case <-deadline:
			t.Fatalf("%d bytes are held, want at most %d", m.Held(), most)
		}
	}
}

func TestMemory_CountsSlabsUntilNothingRefersToTheLast(t *testing.T) {
	m := NewMemory(0, 0)
	slab := make([]byte, 1<<20)
	m.Hold([][]byte{make([]byte, 1<<10), slab})
	m.Hold(nil)
	part := slab[1000:2000] // as if it is sent to a viewer
	runtime.GC()
	runtime.GC()
	if m.Held() != 1<<20+1<<10 {
		t.Errorf("%d bytes are held, want %d", m.Held(), 1<<20+1<<10)
	}
	runtime.KeepAlive(slab)
	part[0] = 1
	runtime.KeepAlive(part)
	awaitCollection(t, m, 0)
}

func TestMemory_RefusesNewPublishersOverTheLimit(t *testing.T) {
	m := NewMemory(MemoryLimit(minMemory), 0)
	s := NewSessionLimiter(LimitsConfig{}, m, &handler{})
	publish := func(id string) error {
		_, err := s.Publish(t.Context(), id, Publisher{Request: Request{Remote: "192.0.2.1:1"}})
		return err
	}
	if err := publish("one"); err != nil {
		t.Fatal(err)
	}
	slab := make([]byte, minMemory)
	m.Hold([][]byte{slab})
	err := publish("two")
	const want = "limit reached: the media of 1 broadcasts occupies 16 MiB of memory; the limit is 16 MiB (ingest.limits.memory)"
	if !errors.Is(err, ErrLimit) || err.Error() != want {
		t.Errorf("refused with %v, want %s", err, want)
	}
	if err := publish("one"); err != nil {
		t.Errorf("a publisher that comes back was refused: %v", err)
	}
	runtime.KeepAlive(slab)
	awaitCollection(t, m, 0)
	if err := publish("two"); err != nil {
		t.Errorf("refused although there is enough memory: %v", err)
	}
}

func TestMemory_SessionsThatHaveJustBegunCount(t *testing.T) {
	s := NewSessionLimiter(LimitsConfig{}, NewMemory(MemoryLimit(minMemory), 0), &handler{})
	for i := range 17 {
		_, err := s.Publish(t.Context(), string(rune('a'+i)), Publisher{Request: Request{Remote: "192.0.2.1:1"}})
		if refused := err != nil; refused != (i == 16) {
			t.Errorf("publisher %d: err = %v, want the 17th refused", i, err)
		}
	}
}

func TestMemory_AutoIsHalfOfTheAvailableMemory(t *testing.T) {
	for _, tt := range []struct {
		limit     MemoryLimit
		available int64
		want      int64
	}{
		{AutoMemory, 4 << 30, 2 << 30},
		{AutoMemory, 0, 0},
		{AutoMemory, 1 << 20, int64(minMemory)},
		{AutoMemory, 1<<63 - 1, 0},
		{0, 4 << 30, 0},
		{1 << 30, 1 << 30, 1 << 30},
	} {
		if got := NewMemory(tt.limit, tt.available).Limit(); got != tt.want {
			t.Errorf("limit %v with %d bytes available is %d, want %d", tt.limit, tt.available, got, tt.want)
		}
	}
}

func TestMemoryLimit_IsASizeOrAuto(t *testing.T) {
	for text, want := range map[string]MemoryLimit{"auto": AutoMemory, "0": 0, "2GiB": 2 << 30} {
		var l MemoryLimit
		if err := l.UnmarshalText([]byte(text)); err != nil || l != want {
			t.Errorf("%s was read as %v, want %v: %v", text, l, want, err)
		}
	}
	var l MemoryLimit
	if err := l.UnmarshalText([]byte("half")); err == nil {
		t.Error("the value half was accepted")
	}
}
