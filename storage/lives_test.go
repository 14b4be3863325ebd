package storage_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"golive/storage"
)

// TestSpool_KeepsThePromiseThroughManyLives runs one broadcast through servers
// that are killed or stopped, with a bucket and a disk that fail at random. Nothing
// that is not said to be lost is missing, all comes in order, and each playlist
// names only what is there.
func TestSpool_KeepsThePromiseThroughManyLives(t *testing.T) {
	for seed := range uint64(15) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { lives(t, rand.New(rand.NewPCG(seed, 1))) })
		})
	}
}

// fate is what goes wrong; its source of chance is shared by many goroutines.
type fate struct {
	mu sync.Mutex
	r  *rand.Rand
}

func (f *fate) n(n int) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.r.IntN(n)
}

func lives(t *testing.T, r *rand.Rand) {
	const size = 900
	f := &fate{r: r}
	b := newFaulty()
	b.wait = func(string, string) time.Duration { return time.Duration(f.n(4000)) * time.Millisecond }
	b.before = func(string, string) error {
		if f.n(2) == 0 {
			return errAway
		}
		return nil
	}
	b.after = func(op, key string) error {
		b.namesOnlyWhatIsThere(t, key)
		if op == "put" && f.n(5) == 0 {
			return errors.New("500 after storing")
		}
		return nil
	}
	s := newTroubled(t, t.TempDir(), int64(15_000+f.n(30_000)))
	for life, msn := 0, 0; life < 4; life++ {
		s.trouble(func(op string) error {
			if f.n(6) == 0 && op != "remove" {
				return &storage.Error{Op: op, Key: "k", Err: syscall.EMFILE}
			}
			return nil
		})
		x := newIndex()
		h := newHouse(storage.ArchiverConfig{QueueBytes: 8000, Spool: s}, b, ender{x})
		entries := s.Load("show")
		for _, e := range entries {
			h.Recover(e)
		}
		h.run(t)
		missing := make(map[int]bool)
		for _, e := range entries {
			missing[int(e.Segment.MSN)] = true
		}
		for first := msn; msn < first+25; msn++ {
			h.Offer("source", segment(msn, size))
			missing[msn] = true
			after(2 * time.Second)
		}
		synctest.Wait()
		next, unsaid := s, 0
		heard, status := x.told(), h.Status()
		switch {
		case life == 3:
			s.trouble(nil)
			h.Finish()
			if err := <-h.ended; err != nil {
				t.Fatal(err)
			}
			heard, status = x.told(), h.Status()
		case f.n(2) == 0:
			// What the killed server does from here on does not count.
			next, unsaid = s.killed(t), status.Segments-status.SpoolSegments
			h.stop(nil)
		default:
			h.stop(nil)
			<-h.ended
			heard, status = x.told(), h.Status()
		}
		unsaid += int(status.Lost)
		for i, at := range inOrder(t, entries, heard) {
			delete(missing, at)
			if strings.HasSuffix(heard[i], " lost") {
				unsaid--
			} else if b.text(t, fmt.Sprintf("%s/source/s-%d.ts", prefix, at)) != content(segment(at, size)) {
				t.Errorf("life %d: segment %d is not in the bucket as it was offered", life, at)
			}
		}
		for _, e := range next.Load("show") {
			delete(missing, int(e.Segment.MSN))
		}
		// What was counted as lost, or was still in memory, but whose turn had not
		// come.
		if len(missing) > unsaid {
			t.Errorf("life %d: %v are missing, and %d of them are known to be lost", life, missing, unsaid)
		}
		s = next
	}
	if s.Bytes() != 0 || s.Segments() != 0 {
		t.Errorf("%d segments of %d bytes are left", s.Segments(), s.Bytes())
	}
}

// inOrder is the MSNs that the index heard of. It must have heard of the entries
// first, and of everything in order and once.
func inOrder(t *testing.T, entries []*storage.Spooled, heard []string) (msns []int) {
	t.Helper()
	last := -1
	for i, name := range heard {
		var msn int
		if _, err := fmt.Sscanf(name, "source s-%d.ts", &msn); err != nil {
			t.Fatal(err)
		}
		if msn <= last {
			t.Errorf("heard of %d after %d", msn, last)
		}
		last = msn
		if i < len(entries) && int64(msn) != entries[i].Segment.MSN {
			t.Errorf("heard of %d as number %d, %d is in the spool", msn, i, entries[i].Segment.MSN)
		}
		msns = append(msns, msn)
	}
	return msns
}

func TestPace_CountsTheRenditionsOfOneTimeTogether(t *testing.T) {
	for _, test := range []struct {
		each   time.Duration // an upload takes
		warned bool
	}{
		{400 * time.Millisecond, false}, // 3 of them in 2 s: 0.6
		{500 * time.Millisecond, true},  // 0.75
	} {
		t.Run(test.each.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newFaulty()
				b.wait = func(_, key string) time.Duration {
					if strings.HasSuffix(key, ".ts") {
						return test.each
					}
					return 0
				}
				h := start(t, storage.ArchiverConfig{}, b, newIndex())
				for msn := range 60 {
					for _, rendition := range []string{"source", "720p", "480p"} {
						h.Offer(rendition, segment(msn, 100))
					}
					after(2 * time.Second)
				}
				lines := h.log.with("uploads take most of real time")
				if (len(lines) > 0) != test.warned || len(lines) > 4 {
					t.Errorf("warned: %q", lines)
				}
				if test.warned && !strings.Contains(lines[0], "ratio=0.75") {
					t.Errorf("warned: %q", lines[0])
				}
			})
		})
	}
}
