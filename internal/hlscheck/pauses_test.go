package hlscheck

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"golive/media"
)

// timingRules are the rules about the times of media. Rules 11 and 12, that segments and parts come in
// time, do not hold when a publisher pauses.
var timingRules = []int{7, 20, 22, 23, 24, 27, 28, 53, 54}

// paused leaves out the pictures of a time, and delays the sound from its beginning on, like an encoder
// that gets no processor time: sound that was recorded meanwhile is sent afterwards.
func paused(from, pictures, sound time.Duration) func([]media.AccessUnit) []media.AccessUnit {
	begin, end := media.TicksFromDuration(from), media.TicksFromDuration(from+pictures)
	return func(units []media.AccessUnit) []media.AccessUnit {
		key, sent := false, time.Time{}
		kept := units[:0]
		for _, u := range units {
			switch inside := u.DTS > begin && u.DTS < end; {
			case u.Track.Video() && inside:
				key = key || u.Key
				continue
			case u.Track.Video():
				if key && !u.Key {
					u.Key = true
					u.Data[4] = 0x65 // an IDR picture
				}
				key = false
			case inside:
				sent = u.Arrived.Add(sound)
				fallthrough
			default:
				if u.Arrived.Before(sent) {
					u.Arrived = sent
				}
			}
			kept = append(kept, u)
		}
		slices.SortStableFunc(kept, func(a, b media.AccessUnit) int { return a.Arrived.Compare(b.Arrived) })
		return kept
	}
}

// A publisher that pauses leaves no hole in a segment, wherever it pauses. The audio that was recorded
// during the pause arrives before the pictures that follow, or up to as late as a player waits for it.
func TestFollow_FindsNoHoleWhereAPublisherPaused(t *testing.T) {
	for pictures, sounds := range map[int][]int{
		150: {0, 300}, 300: {0, 450}, 480: {0, 900}, 700: {0, 900}, 990: {1200}, 1300: {1600}, 2400: {2700},
	} {
		for _, sound := range sounds {
			for _, from := range []int{7510, 7000, 7930} {
				if testing.Short() && from != 7510 {
					continue
				}
				t.Run(fmt.Sprintf("pictures %d, sound %d, at %d", pictures, sound, from), func(t *testing.T) {
					change := paused(milliseconds(from), milliseconds(pictures), milliseconds(sound))
					rec := testBroadcast{part: 250 * time.Millisecond, units: change}.follow(t)
					for _, v := range rec.Violations {
						if slices.Contains(timingRules, v.Rule) {
							t.Error(v)
						}
					}
				})
			}
		}
	}
}

// withoutFrameRate removes the declared frame rate. With key, the first picture from the time at on is a key
// frame.
func withoutFrameRate(units []media.AccessUnit, at time.Duration, key bool) []media.AccessUnit {
	var track *media.Track
	for i := range units {
		u := &units[i]
		if !u.Track.Video() {
			continue
		}
		if track == nil {
			t := *u.Track
			t.FrameRate = 0
			track = &t
		}
		u.Track = track
		if key && u.DTS >= media.TicksFromDuration(at) {
			u.Key, key = true, false
			u.Data[4] = 0x65 // an IDR picture
		}
	}
	return units
}

// A publisher whose rate is not declared may pause before it is known, and go on with a
// key frame. (A single picture before the pause may be one of a slide show.)
func TestFollow_FindsNoHoleWhereAPublisherPausedAtItsBeginning(t *testing.T) {
	for _, c := range []struct{ pictures, sound int }{{300, 0}, {300, 450}, {590, 0}, {590, 900}, {990, 1200}} {
		for _, from := range []int{40, 80, 110, 180, 300} {
			for _, key := range []bool{false, true} {
				if testing.Short() && from != 40 {
					continue
				}
				t.Run(fmt.Sprintf("pictures %d, sound %d, at %d, key %t", c.pictures, c.sound, from, key), func(t *testing.T) {
					pause := paused(milliseconds(from), milliseconds(c.pictures), milliseconds(c.sound))
					change := func(units []media.AccessUnit) []media.AccessUnit {
						return withoutFrameRate(pause(units), milliseconds(from+c.pictures), key)
					}
					rec := testBroadcast{part: 250 * time.Millisecond, units: change, length: 8 * time.Second}.follow(t)
					for _, v := range rec.Violations {
						if slices.Contains(timingRules, v.Rule) {
							t.Error(v)
						}
					}
				})
			}
		}
	}
}

func milliseconds(n int) time.Duration { return time.Duration(n) * time.Millisecond }
