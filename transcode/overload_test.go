package transcode

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"golive/media"
)

func TestOverload_DecidesWithHysteresis(t *testing.T) {
	over, low, middle := sample{cpu: 1.1}, sample{cpu: 0.5}, sample{cpu: 0.9}
	late := sample{cpu: 0.1, lag: 2 * time.Second}
	repeat := func(s sample, n int) (all []sample) {
		for range n {
			all = append(all, s)
		}
		return all
	}
	join := func(all ...[]sample) (joined []sample) {
		for _, s := range all {
			joined = append(joined, s...)
		}
		return joined
	}
	for name, test := range map[string]struct {
		samples       []sample
		nothingIsShed bool
		// want holds the decisions other than keep, by the number of the window, from 1.
		want map[int]decision
	}{
		"one window of overload is not enough": {samples: join(repeat(over, 1), repeat(middle, 1), repeat(over, 1), repeat(middle, 1))},
		"two windows shed a rung":              {samples: repeat(over, 2), want: map[int]decision{2: shed}},
		"each further two shed another":        {samples: repeat(over, 5), want: map[int]decision{2: shed, 4: shed}},
		"lag is overload too":                  {samples: repeat(late, 2), want: map[int]decision{2: shed}},
		"low load restores after 5 s":          {samples: repeat(low, 11), want: map[int]decision{5: restore, 10: restore}},
		"nothing is restored that is not shed": {samples: repeat(low, 20), nothingIsShed: true},
		"load above 80 % restores nothing":     {samples: repeat(middle, 20)},
		"a higher load begins the wait again":  {samples: join(repeat(low, 4), repeat(middle, 1), repeat(low, 5)), want: map[int]decision{10: restore}},
		"a rung that was restored too soon waits twice as long": {
			samples: join(repeat(low, 5), repeat(over, 2), repeat(low, 10)),
			want:    map[int]decision{5: restore, 7: shed, 17: restore},
		},
		"and then four times as long": {
			samples: join(repeat(low, 5), repeat(over, 2), repeat(low, 10), repeat(over, 2), repeat(low, 20)),
			want:    map[int]decision{5: restore, 7: shed, 17: restore, 19: shed, 39: restore},
		},
	} {
		t.Run(name, func(t *testing.T) {
			o := overload{maxLag: DefaultConfig().MaxLag}
			got := map[int]decision{}
			for i, s := range test.samples {
				if d := o.step(s, !test.nothingIsShed); d != keep {
					got[i+1] = d
				}
			}
			if test.want == nil {
				test.want = map[int]decision{}
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("decisions (-want +got):\n%s", diff)
			}
		})
	}
}

func TestOverload_WaitsAtMostAMinuteToRestore(t *testing.T) {
	o := overload{maxLag: DefaultConfig().MaxLag}
	for range 10 {
		for o.step(sample{}, true) != restore {
		}
		for o.step(sample{cpu: 2}, true) != shed {
		}
	}
	if o.hold != maxHold {
		t.Errorf("the wait is %v, want %v", o.hold, maxHold)
	}
}

func fullSource(width, height int, rate float64) source {
	return source{video: &media.Track{Codec: media.H264, Width: width, Height: height}, frameRate: rate}
}

func TestLoads_AreShedFromTheTopAndRestoredFromTheBottom(t *testing.T) {
	small, big := Rung{Name: "360p", Height: 360}, Rung{Name: "720p", Height: 720}
	loads := []*load{
		{number: 1, wanted: []Rung{small, big}, allowed: 2},
		{number: 2, wanted: []Rung{small, big}, allowed: 2},
	}
	type step struct {
		Number  int
		Allowed int
	}
	var got []step
	for l := nextToShed(loads); l != nil; l = nextToShed(loads) {
		l.allowed--
		got = append(got, step{l.number, l.allowed})
	}
	for l := nextToRestore(loads); l != nil; l = nextToRestore(loads) {
		l.allowed++
		got = append(got, step{l.number, l.allowed})
	}
	want := []step{{2, 1}, {1, 1}, {2, 0}, {1, 0}, {1, 1}, {2, 1}, {1, 2}, {2, 2}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("steps (-want +got):\n%s", diff)
	}
}

func TestLoad_AffordableIsTheInverseOfCost(t *testing.T) {
	l := &load{source: fullSource(1920, 1080, 30), wanted: []Rung{
		{Name: "360p", Height: 360, VideoBitrate: 1}, {Name: "720p", Height: 720, VideoBitrate: 1}, {Name: "1080p", Height: 1080, VideoBitrate: 1},
	}}
	for n := range 4 {
		if got := l.affordable(l.cost(n)+1e-9, 1); got != n {
			t.Errorf("%d rungs can be encoded at the cost of %d", got, n)
		}
	}
	if l.cost(0) != 0 || l.cost(1) >= l.cost(2) || l.cost(2) >= l.cost(3) {
		t.Errorf("costs %f, %f, %f, %f do not grow from 0", l.cost(0), l.cost(1), l.cost(2), l.cost(3))
	}
}
