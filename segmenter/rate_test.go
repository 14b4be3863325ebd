package segmenter

import (
	"testing"

	"golive/media"
)

// A pause soon after the beginning does not determine the rate, unless the next frames are as far apart.
func TestRate_PauseAtTheBeginningDoesNotDetermineIt(t *testing.T) {
	for _, c := range []struct {
		name  string
		times []media.Ticks // in milliseconds
		holes int           // the first frame counts
		want  media.Ticks
	}{
		{"one picture, then slides", []media.Ticks{0, 500, 1000, 1500}, 1, 500},
		{"two pictures, then a pause", []media.Ticks{0, 33, 633}, 2, 33},
		{"two pictures, a pause, then more", []media.Ticks{0, 33, 633, 666, 700, 733, 767, 800}, 2, 33},
		{"two pictures, then slides", []media.Ticks{0, 33, 633, 1233, 1833, 2433}, 2, 600},
		{"three pictures, then a pause", []media.Ticks{0, 40, 80, 330, 370, 410, 450, 490}, 2, 40},
		{"uneven pictures", []media.Ticks{0, 5, 70, 100, 130, 170, 200}, 1, 33},
	} {
		var r rate
		holes := 0
		for _, at := range c.times {
			if r.add(at * media.Millisecond) {
				holes++
			}
		}
		if got := r.frame() / media.Millisecond; holes != c.holes || got != c.want {
			t.Errorf("%s: %d holes, %d ms a frame, want %d and %d", c.name, holes, got, c.holes, c.want)
		}
	}
}
