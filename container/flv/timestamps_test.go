package flv_test

import (
	"testing"

	"golive/container/flv"
	"golive/media"
)

const ms = media.Millisecond

// Row 23 of docs/encoders.md: timestamps of 24, 31 and 32 bits that wrap.
func TestTimestamps_Row23_UnwrapEveryWidth(t *testing.T) {
	for name, c := range map[string]struct {
		edge uint32
		bits int
	}{
		"24 bits of a clock of 32": {1 << 24, 32},
		"32 bits":                  {0, 32},
		"a clock of 31 bits":       {1 << 31, 31},
		"a clock of 24 bits":       {1 << 24, 24},
	} {
		var u flv.Timestamps
		start := int64(c.edge-2000) & (1<<c.bits - 1)
		for i := range int64(100) {
			want := media.TicksFromMillis(start + 40*i)
			raw := uint32((start + 40*i) & (1<<c.bits - 1))
			if got := u.Video(raw); got != want {
				t.Fatalf("%s: picture %d at %d, want %d", name, i, got, want)
			}
			if got := u.Audio(raw); got != want {
				t.Fatalf("%s: sound %d at %d, want %d", name, i, got, want)
			}
		}
	}
}

func TestTimestamps_AudioThatResumesAfterAWrapIsInSync(t *testing.T) {
	var u flv.Timestamps
	const edge = 1 << 24
	u.Audio(edge - 40)
	for i := range uint32(500) {
		u.Video((edge - 40 + 40*i) & (edge - 1))
	}
	if got, want := u.Audio(19_930), (edge+19_930)*ms; got != want {
		t.Errorf("sound at %d, want %d", got, want)
	}
}

func TestTimestamps_OneWrongTimeDoesNotMoveThoseThatFollow(t *testing.T) {
	for _, wrong := range []uint32{0, 1, 1 << 23, 1<<31 - 1, 1 << 31, 1<<31 + 99_990, 1<<31 + 100_050, 1<<32 - 1} {
		var u flv.Timestamps
		u.Video(100_000)
		u.Video(wrong)
		if got := u.Video(100_040); got != 100_040*ms {
			t.Errorf("after the wrong time %d: %d, want %d", wrong, got, 100_040*ms)
		}
	}
}

func TestTimestamps_FollowAJumpThatLastsForMonths(t *testing.T) {
	var u flv.Timestamps
	u.Video(100_000)
	const to = 100_000 + 1<<31 - 1
	last := u.Video(to)
	for i := uint32(1); i < 5000; i++ { // 20 minutes at a time: more than 49 days
		got := u.Video(to + i*1_200_000)
		if got-last != 1_200_000*ms {
			t.Fatalf("step %d is %d, want %d", i, got-last, 1_200_000*ms)
		}
		last = got
	}
}

func TestTimestamps_KeepTwoBasesApart(t *testing.T) {
	var u flv.Timestamps
	for i := range uint32(100) {
		if got := u.Audio(20 * i); got != media.TicksFromMillis(int64(20*i)) {
			t.Fatalf("sound %d at %d, want %d ms", i, got, 20*i)
		}
		if got := u.Video(900_000_000 + 20*i); got != media.TicksFromMillis(900_000_000+int64(20*i)) {
			t.Fatalf("picture %d at %d", i, got)
		}
	}
}
