package hlscheck

import "testing"

// goodLL has segments 3 and 4, the second with 4 parts, and part 0 of segment 5.
func TestMedia_HasWhatItListsOrHasListed(t *testing.T) {
	m, _ := ParseMedia("", []byte(goodLL))
	for p, want := range map[position]bool{
		{0, -1}: true, {4, -1}: true, {5, -1}: false,
		{3, 0}: true, {3, 99}: true, // every part before the last segment exists, regardless of its number
		{4, 3}: true, {4, 4}: true, {5, 0}: true, // a part past the end of segment 4 is the first of segment 5
		{5, 1}: false, {6, 0}: false,
	} {
		if got := m.has(p); got != want {
			t.Errorf("%s: %t, want %t", p, got, want)
		}
	}
	m.Parts = nil
	if m.has(position{4, 4}) || !m.has(position{4, 3}) {
		t.Error("without part 0 of segment 5, part 4 of segment 4 must not exist, and part 3 must")
	}
	if got, want := m.nextPosition(), (position{5, 0}); got != want {
		t.Errorf("next position %v, want %v", got, want)
	}
}

func TestMedia_FindsPartsByPosition(t *testing.T) {
	m, _ := ParseMedia("", []byte(replace(t, goodLL, `#EXT-X-PART:DURATION=0.50000,URI="a-5.0.ts"`, "#EXT-X-DISCONTINUITY\n"+`#EXT-X-PART:DURATION=0.50000,URI="a-5.0.ts"`)))
	for p, want := range map[position]string{
		{4, 0}: "a-4.0.ts", {4, 3}: "a-4.3.ts", {4, 4}: "a-5.0.ts", {5, 0}: "a-5.0.ts", {5, 1}: "", {3, 0}: "", {2, 5}: "", {6, 0}: "",
	} {
		got := ""
		part, discontinuity := m.partAt(p)
		if part != nil {
			got = part.URI
		}
		if got != want || discontinuity != (want == "a-5.0.ts") {
			t.Errorf("%s: %q after a discontinuity: %t; want %q", p, got, discontinuity, want)
		}
	}
}

func TestMedia_CountsPartsBetweenPositions(t *testing.T) {
	m, _ := ParseMedia("", []byte(goodLL))
	if got, want := m.newest(), (position{5, 0}); got != want {
		t.Errorf("newest %v, want %v", got, want)
	}
	for _, c := range []struct {
		from, to position
		want     int
	}{
		{position{4, 3}, position{5, 0}, 1},
		{position{4, 2}, position{5, 0}, 2},
		{position{3, 0}, position{5, 0}, 5},
		{position{5, 0}, position{5, 0}, 0},
	} {
		if got := m.countPassed(c.from, c.to); got != c.want {
			t.Errorf("from %s to %s: %d, want %d", c.from, c.to, got, c.want)
		}
	}
}
