package pictures

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/draw"
	"image/jpeg"
	"sync"
	"time"
)

const (
	// columns and rows are the size of a sheet, in previews.
	columns, rows = 5, 5
	// maxWaiting bounds the sheets that wait until they are taken. While that many wait, no
	// preview is added.
	maxWaiting = 16
	// maxPreviews is about the highest number of previews in a storyboard: in a long broadcast
	// they are further apart than pictures are made.
	maxPreviews = 720
	// quality is the JPEG quality of a sheet.
	quality = 75
)

// Storyboard collects the previews of a broadcast in sheets. Its methods may be called from
// many goroutines.
type Storyboard struct {
	began time.Time

	mu     sync.Mutex
	last   time.Time // when the newest preview was added
	open   []Picture // of the next sheet, without posters
	size   image.Point
	sheets []Sheet
}

// NewStoryboard returns an empty Storyboard of a broadcast that began at that time.
func NewStoryboard(began time.Time) *Storyboard { return &Storyboard{began: began} }

// Sheet is a picture with previews in rows from left to right, all of one size.
type Sheet struct {
	JPEG []byte
	SheetInfo
}

// SheetInfo describes a sheet.
type SheetInfo struct {
	// Number is the number of the sheet in the broadcast, from 0.
	Number int `json:"number"`
	// Width and Height are the size of a preview, in pixels.
	Width  int `json:"width"`
	Height int `json:"height"`
	// Previews are the places of the previews in the broadcast, in order.
	Previews []Place `json:"previews"`
}

// Add adds the preview of p, unless it is too close to the one before.
func (s *Storyboard) Add(p Picture, now time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.sheets) == maxWaiting || now.Sub(s.last) < now.Sub(s.began)/maxPreviews {
		return nil
	}
	c, err := jpeg.DecodeConfig(bytes.NewReader(p.Preview))
	if err != nil {
		return fmt.Errorf("read preview: %w", err)
	}
	size := image.Pt(c.Width, c.Height)
	if len(s.open) > 0 && size != s.size {
		err = s.finish()
	}
	p.Poster, p.Track = nil, nil
	s.size, s.last, s.open = size, now, append(s.open, p)
	if len(s.open) == columns*rows {
		err = errors.Join(err, s.finish())
	}
	return err
}

// Take returns the finished sheets, and with rest set the unfinished one too. They have no numbers
// yet.
func (s *Storyboard) Take(rest bool) (sheets []Sheet, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if rest && len(s.open) > 0 {
		err = s.finish()
	}
	sheets, s.sheets = s.sheets, nil
	return sheets, err
}

// finish makes a sheet of the previews. The caller holds mu.
func (s *Storyboard) finish() error {
	previews := s.open
	s.open = nil
	w, h := s.size.X, s.size.Y
	sheet := Sheet{SheetInfo: SheetInfo{Width: w, Height: h}}
	canvas := image.NewRGBA(image.Rect(0, 0, min(len(previews), columns)*w, (len(previews)+columns-1)/columns*h))
	for i, p := range previews {
		one, err := jpeg.Decode(bytes.NewReader(p.Preview))
		if err != nil {
			return fmt.Errorf("read preview: %w", err)
		}
		draw.Draw(canvas, sheet.at(i), one, one.Bounds().Min, draw.Src)
		sheet.Previews = append(sheet.Previews, p.Place)
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, canvas, &jpeg.Options{Quality: quality}); err != nil {
		return fmt.Errorf("write sheet: %w", err)
	}
	sheet.JPEG = b.Bytes()
	s.sheets = append(s.sheets, sheet)
	return nil
}

// at returns where a preview is in the sheet.
func (s SheetInfo) at(i int) image.Rectangle {
	corner := image.Pt(i%columns*s.Width, i/columns*s.Height)
	return image.Rectangle{Min: corner, Max: corner.Add(image.Pt(s.Width, s.Height))}
}
