package transcode

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"golive/internal/mediatest"
	"golive/media"
)

// takeAll takes all units that wait, and returns their times.
func takeAll(q *queue) (times []media.Ticks) {
	for {
		t, ok, _ := q.take()
		if !ok {
			return times
		}
		times = append(times, t.DTS)
	}
}

// pictureUnits returns units of a stream with a key picture every second.
func pictureUnits(seconds int) (units []media.AccessUnit) {
	track := mediatest.H264(640, 360)
	const rate = 10
	for i := range seconds * rate {
		at := media.Ticks(i) * media.Second / rate
		units = append(units, media.AccessUnit{Track: track, DTS: at, PTS: at, Key: i%rate == 0, Data: make([]byte, 100)})
	}
	return units
}

func dtsOf(units []media.AccessUnit) (times []media.Ticks) {
	for _, u := range units {
		times = append(times, u.DTS)
	}
	return times
}

func TestQueue_RewindsToTheLastKeyPictureThatAllOutputsHavePassed(t *testing.T) {
	q := newQueue()
	units := pictureUnits(4)
	for _, u := range units {
		q.put(u)
	}
	takeAll(q)
	q.release(2*media.Second + media.Second/2)
	if n := q.rewind(); n != 0 {
		t.Errorf("dropped %d units, want none", n)
	}
	if diff := cmp.Diff(dtsOf(units[20:]), takeAll(q)); diff != "" {
		t.Errorf("taken again (-want +got):\n%s", diff)
	}
	if q.waiting != 0 || q.kept != 20*100 {
		t.Errorf("%d bytes wait and %d are kept, want 0 and %d", q.waiting, q.kept, 20*100)
	}
}

func TestQueue_DropsUpToAKeyPictureWhenItIsFull(t *testing.T) {
	q := newQueue()
	units := pictureUnits(13)
	dropped := 0
	for _, u := range units {
		dropped += q.put(u)
	}
	// At 10.1 s all units of the first 10 s were dropped, and then those up to the key picture at 11 s.
	first, ok, _ := q.take()
	if !ok || first.DTS != 11*media.Second || !first.lost || !first.Key {
		t.Errorf("the first unit is at %d, key %v, lost %v; want a key picture at %d after a loss", first.DTS, first.Key, first.lost, 11*media.Second)
	}
	if dropped != 110 {
		t.Errorf("dropped %d units, want 110", dropped)
	}
	second, _, _ := q.take()
	if second.lost {
		t.Error("the second unit is marked as after a loss, too")
	}
}

func TestQueue_UnreadReturnsTheLastUnitAgain(t *testing.T) {
	q := newQueue()
	units := pictureUnits(1)
	for _, u := range units {
		q.put(u)
	}
	q.take()
	q.take()
	q.unread()
	if diff := cmp.Diff(dtsOf(units[1:]), takeAll(q)); diff != "" {
		t.Errorf("units after unread (-want +got):\n%s", diff)
	}
}

func TestQueue_KeepsABoundedNumberOfBytes(t *testing.T) {
	q := newQueue()
	units := pictureUnits(1)
	for i := range 100 {
		u := units[min(i, 1)] // only the first unit is a key picture
		u.Data = make([]byte, 1<<20)
		q.put(u)
		q.take()
		if most := maxKeptBytes + 1<<20; q.kept > most {
			t.Fatalf("the queue keeps %d bytes, want at most %d", q.kept, most)
		}
	}
	q.put(units[1])
	q.put(units[0])
	q.rewind()
	if first, ok, _ := q.take(); !ok || !first.Key || !first.lost {
		t.Error("the queue does not continue with the next key picture after the loss")
	}
}

func TestQueue_SkipsToTheLastKeyPicture(t *testing.T) {
	q := newQueue()
	units := pictureUnits(3)
	for _, u := range units {
		q.put(u)
	}
	if n := q.skipToLast(); n != 20 {
		t.Errorf("dropped %d units, want 20", n)
	}
	if got := takeAll(q); !slices.Equal(got, dtsOf(units[20:])) {
		t.Errorf("units left are at %v, want %v", got, dtsOf(units[20:]))
	}
}
