package pictures

import (
	"bytes"
	"image"
	"image/color"
	"image/draw"
	"image/jpeg"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"golive/media"
)

// plainJPEG returns a JPEG of one colour.
func plainJPEG(t *testing.T, c color.RGBA, w, h int) []byte {
	t.Helper()
	p := image.NewRGBA(image.Rect(0, 0, w, h))
	draw.Draw(p, p.Bounds(), image.NewUniform(c), image.Point{}, draw.Src)
	var b bytes.Buffer
	if err := jpeg.Encode(&b, p, nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// shadeOf returns the colour of preview i.
func shadeOf(i int) color.RGBA { return color.RGBA{uint8(8 * i), uint8(255 - 8*i), 128, 255} }

// addPreviews adds n previews ten seconds apart, each with its shade.
func addPreviews(t *testing.T, s *Storyboard, began time.Time, from, n, w, h int) {
	t.Helper()
	for i := from; i < from+n; i++ {
		p := Picture{Place: Place{MSN: int64(5 * i)}, Preview: plainJPEG(t, shadeOf(i), w, h)}
		if err := s.Add(p, began.Add(time.Duration(i)*10*time.Second)); err != nil {
			t.Fatal(err)
		}
	}
}

func TestStoryboard_CombinesPreviewsInSheets(t *testing.T) {
	began := time.Now()
	s := NewStoryboard(began)
	addPreviews(t, s, began, 0, 27, 160, 90)
	addPreviews(t, s, began, 27, 2, 90, 160) // the broadcaster turned the phone
	var x Index
	var sheets []Sheet
	for _, rest := range []bool{false, true, true} {
		taken, err := s.Take(rest)
		if err != nil {
			t.Fatal(err)
		}
		for i := range taken {
			x.Add(&taken[i])
		}
		sheets = append(sheets, taken...)
	}
	if len(sheets) != 3 {
		t.Fatalf("got %d sheets", len(sheets))
	}
	number := 0
	for i, want := range []image.Point{image.Pt(800, 450), image.Pt(320, 90), image.Pt(180, 160)} {
		p, err := jpeg.Decode(bytes.NewReader(sheets[i].JPEG))
		if err != nil {
			t.Fatal(err)
		}
		if sheets[i].Number != i || p.Bounds().Size() != want {
			t.Errorf("sheet %d has number %d and size %v, want %v", i, sheets[i].Number, p.Bounds().Size(), want)
		}
		for n := range sheets[i].Previews {
			if c := meanOf(p, sheets[i].at(n)); !similar(c, shadeOf(number)) {
				t.Errorf("preview %d has colour %v, want %v", number, c, shadeOf(number))
			}
			number++
		}
	}
	read, err := ParseIndex(x.JSON())
	if diff := cmp.Diff(x, read); err != nil || diff != "" {
		t.Errorf("index that was read back: error %v (-written +read)\n%s", err, diff)
	}
	if _, err := ParseIndex([]byte(`{"next":1,"sheets":[{"number":1,"width":1,"height":1}]}`)); err == nil {
		t.Error("an index with a sheet that it has not numbered is accepted")
	}
}

// A day has hardly more previews than maxPreviews, and no more memory than its sheets. The sheets
// that wait to be taken are bounded.
func TestStoryboard_BoundsItsPreviewsAndSheets(t *testing.T) {
	began := time.Now()
	s := NewStoryboard(began)
	preview := plainJPEG(t, shadeOf(0), 16, 8)
	count := func(take bool) (n int) {
		for at := time.Duration(0); at < 24*time.Hour; at += 10 * time.Second {
			if err := s.Add(Picture{Preview: preview}, began.Add(at)); err != nil {
				t.Fatal(err)
			}
			if !take && at+10*time.Second < 24*time.Hour {
				continue
			}
			sheets, err := s.Take(false)
			if err != nil {
				t.Fatal(err)
			}
			n += len(sheets)
		}
		return n
	}
	if n := count(true); n*columns*rows < maxPreviews || n*columns*rows > 4*maxPreviews {
		t.Errorf("the index has %d sheets", n)
	}
	s = NewStoryboard(began)
	if n := count(false); n != maxWaiting {
		t.Errorf("%d sheets waited to be taken", n)
	}
}

func TestIndex_RendersTheTimesOfTheReplay(t *testing.T) {
	x := Index{Next: 3, Sheets: []SheetInfo{
		{Number: 0, Width: 160, Height: 90, Previews: []Place{{MSN: 1}, {MSN: 2}}},
		{Number: 1, Width: 160, Height: 90, Previews: []Place{{MSN: 4}, {MSN: 7, Offset: media.Second / 2}, {MSN: 7, Offset: media.Second / 4}}},
		{Number: 2, Width: 90, Height: 160, Previews: []Place{{MSN: 1800}, {MSN: 1801}}},
	}}
	// The replay begins with segment 2, and a segment of an hour is a gap.
	starts := map[int64]media.Ticks{2: 0, 4: 4 * media.Second, 7: 10 * media.Second, 1800: 3610 * media.Second, 1801: 3612 * media.Second}
	start := func(msn int64) (media.Ticks, bool) {
		at, ok := starts[msn]
		return at, ok
	}
	name := func(n int) string { return "s-" + string(rune('0'+n)) + ".jpg" }
	want := `WEBVTT

00:00:00.000 --> 00:00:04.000
s-0.jpg#xywh=160,0,160,90

00:00:04.000 --> 00:00:10.500
s-1.jpg#xywh=0,0,160,90

00:00:10.500 --> 01:00:10.000
s-1.jpg#xywh=160,0,160,90

01:00:10.000 --> 01:00:11.963
s-2.jpg#xywh=0,0,90,160
`
	if diff := cmp.Diff(strings.Split(want, "\n"), strings.Split(string(x.VTT(name, start, 3611*media.Second+963*media.Second/1000)), "\n")); diff != "" {
		t.Errorf("rendered index (-want +got):\n%s", diff)
	}
	if removed := x.Trim(7); !cmp.Equal(removed, []int{0}) || len(x.Sheets) != 2 {
		t.Errorf("sheets %v were removed", removed)
	}
}
