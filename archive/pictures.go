package archive

import (
	"fmt"
	"strconv"
	"strings"
)

// PosterName is the file name of the picture of the broadcast that an id has, or had last.
const PosterName = "poster.jpg"

// Pictures describes the pictures of an ended broadcast in a bucket.
type Pictures struct {
	// Poster is true when there is a poster.
	Poster bool `json:"poster,omitempty"`
	// Sheets is one more than the number of the storyboard's last sheet; 0 when there is no
	// storyboard.
	Sheets int `json:"sheets,omitempty"`
}

// storyboardPrefix begins the names of a broadcast's storyboard and of its sheets.
const storyboardPrefix = "storyboard-"

// StoryboardName returns the file name of the WebVTT file of a broadcast's previews.
func StoryboardName(token string) string { return storyboardPrefix + token + ".vtt" }

// SheetName returns the file name of a sheet of previews.
func SheetName(token string, number int) string {
	return storyboardPrefix + token + "-" + strconv.Itoa(number) + ".jpg"
}

// Poster returns the key of an id's poster.
func (l Layout) Poster(broadcast string) string { return l.Folder(broadcast) + "/" + PosterName }

// Picture returns the key of a picture or storyboard by its file name.
func (l Layout) Picture(broadcast, name string) string { return l.Folder(broadcast) + "/" + name }

// SheetIndex returns the key of the storyboard's index, which only golive reads.
func (l Layout) SheetIndex(broadcast, token string) string {
	return l.Folder(broadcast) + "/" + storyboardPrefix + token + ".json"
}

// storyboards returns the prefixes of the keys of a broadcast's storyboard and of its sheets.
func (l Layout) storyboards(broadcast, token string) []string {
	start := l.Folder(broadcast) + "/" + storyboardPrefix + token
	return []string{start + ".", start + "-"} // another token may begin with this one
}

// PictureName is a file name of a picture, parsed.
type PictureName struct {
	// Token is that of the broadcast; empty of a poster.
	Token string
	// Sheet is the number of a sheet; -1 of a poster or a WebVTT file.
	Sheet int
}

// ParsePictureName parses the name of a poster, a storyboard or a sheet, in its only spelling.
func ParsePictureName(name string) (p PictureName, ok bool) {
	if name == PosterName {
		return PictureName{Sheet: -1}, true
	}
	if token, ok := cutAround(name, storyboardPrefix, ".vtt"); ok {
		return PictureName{Token: token, Sheet: -1}, IsToken(token)
	}
	base, ok := cutAround(name, storyboardPrefix, ".jpg")
	token, digits, found := strings.Cut(base, "-")
	n, err := strconv.Atoi(digits)
	return PictureName{Token: token, Sheet: n}, ok && found && err == nil && n >= 0 && IsToken(token) && SheetName(token, n) == name
}

// Has reports whether the broadcast has the picture of that name.
func (h *Header) Has(p PictureName) bool {
	switch {
	case p.Token == "":
		return h.Pictures.Poster
	case p.Token != h.Token:
		return false
	}
	return p.Sheet < h.Pictures.Sheets && h.Pictures.Sheets > 0
}

func (p Pictures) check() error {
	if p.Sheets < 0 {
		return fmt.Errorf("%d sheets of previews", p.Sheets)
	}
	return nil
}
