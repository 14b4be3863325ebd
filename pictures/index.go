package pictures

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"time"

	"golive/media"
)

// Index lists the sheets of a broadcast's storyboard, in order. A restart reads it back as JSON.
type Index struct {
	// Next is the number of the next sheet.
	Next   int         `json:"next"`
	Sheets []SheetInfo `json:"sheets"`
}

// ParseIndex reads an Index.
func ParseIndex(text []byte) (x Index, err error) {
	if err = json.Unmarshal(text, &x); err != nil {
		return Index{}, err
	}
	for _, s := range x.Sheets {
		if s.Number < 0 || s.Number >= x.Next || s.Width <= 0 || s.Height <= 0 || len(s.Previews) > columns*rows {
			return Index{}, fmt.Errorf("sheet %d of %d has %d previews of %dx%d", s.Number, x.Next, len(s.Previews), s.Width, s.Height)
		}
	}
	return x, nil
}

// JSON returns the text that ParseIndex reads.
func (x *Index) JSON() []byte {
	text, err := json.Marshal(x)
	if err != nil {
		panic("pictures: index cannot be written: " + err.Error())
	}
	return text
}

// Add sets the number of a sheet and adds it to the list.
func (x *Index) Add(s *Sheet) {
	s.Number = x.Next
	x.Next++
	x.Sheets = append(x.Sheets, s.SheetInfo)
}

// Trim removes the sheets whose segments are all before a number, and returns their numbers.
func (x *Index) Trim(from int64) (removed []int) {
	x.Sheets = slices.DeleteFunc(x.Sheets, func(s SheetInfo) bool {
		n := len(s.Previews)
		if n > 0 && s.Previews[n-1].MSN >= from {
			return false
		}
		removed = append(removed, s.Number)
		return true
	})
	return removed
}

// VTT renders the storyboard as WebVTT: a cue for each preview, whose text is the address of the
// sheet with the rectangle of the preview (Media Fragments URI section 4.2.2). start returns when
// a segment begins in the replay; false if it is not in it. The last cue lasts until end.
func (x *Index) VTT(name func(sheet int) string, start func(msn int64) (media.Ticks, bool), end media.Ticks) []byte {
	type cue struct {
		at   media.Ticks
		text string
	}
	var cues []cue
	for _, s := range x.Sheets {
		for i, p := range s.Previews {
			begin, ok := start(p.MSN)
			if !ok {
				continue
			}
			r := s.at(i)
			at := begin + p.Offset
			if n := len(cues); at >= end || n > 0 && at <= cues[n-1].at {
				continue
			}
			cues = append(cues, cue{at, fmt.Sprintf("%s#xywh=%d,%d,%d,%d", name(s.Number), r.Min.X, r.Min.Y, r.Dx(), r.Dy())})
		}
	}
	b := []byte("WEBVTT\n")
	for i, c := range cues {
		from, to := c.at, end
		if i == 0 {
			from = 0 // no earlier preview covers the beginning
		}
		if i+1 < len(cues) {
			to = cues[i+1].at
		}
		b = append(b, '\n')
		b = append(appendTime(b, from), " --> "...)
		b = append(appendTime(b, to), '\n')
		b = append(append(b, c.text...), '\n')
	}
	return b
}

// appendTime appends a WebVTT timestamp.
func appendTime(b []byte, t media.Ticks) []byte {
	d := t.Duration().Round(time.Millisecond)
	two := func(n time.Duration) {
		if n < 10 {
			b = append(b, '0')
		}
		b = strconv.AppendInt(b, int64(n), 10)
	}
	two(d / time.Hour)
	b = append(b, ':')
	two(d / time.Minute % 60)
	b = append(b, ':')
	two(d / time.Second % 60)
	ms := d / time.Millisecond % 1000
	b = append(b, '.', byte('0'+ms/100), byte('0'+ms/10%10), byte('0'+ms%10))
	return b
}
