package playlist

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"golive/media"
)

// Variant is a variant stream of a multivariant playlist (EXT-X-STREAM-INF).
type Variant struct {
	// Name is the name of the rendition.
	Name string
	// Video and Audio are its tracks; either may be nil.
	Video, Audio *media.Track
	// VideoCodec is the codec that a player must decode to play all of the video, also that of before a change
	// of the picture's size; empty if it is that of Video.
	VideoCodec string
	// FrameRate is in frames per second, as measured.
	FrameRate float64
	// Captions are the closed captions in its video.
	Captions media.Captions
	// Peak and Average are measured bit rates of its segments, in bits per second.
	Peak, Average int
}

// Multivariant renders the multivariant playlist (section 4.4.6) of variants whose media
// playlists are at NAME/file. independent is set if every segment begins with a key frame.
func Multivariant(variants []Variant, independent bool, file string) []byte {
	variants = inOrder(variants)
	var b strings.Builder
	b.WriteString("#EXTM3U\n") // most of its tags are of version 1
	var captions media.Captions
	for _, v := range variants {
		captions |= v.Captions
	}
	if captions.Services() {
		b.WriteString("#EXT-X-VERSION:7\n")
	}
	if independent {
		b.WriteString(independentTag)
	}
	writeCaptions(&b, captions)
	for _, v := range variants {
		fmt.Fprintf(&b, "#EXT-X-STREAM-INF:BANDWIDTH=%d,AVERAGE-BANDWIDTH=%d,CODECS=%q", v.Peak, v.Average, v.Codecs())
		if v.Video != nil && v.Video.Width > 0 {
			fmt.Fprintf(&b, ",RESOLUTION=%dx%d", v.Video.Width, v.Video.Height)
		}
		if v.Video != nil && v.FrameRate > 0 {
			b.WriteString(",FRAME-RATE=" + strconv.FormatFloat(v.FrameRate, 'f', 3, 64))
		}
		if captions == 0 {
			b.WriteString(",CLOSED-CAPTIONS=NONE")
		} else {
			fmt.Fprintf(&b, ",CLOSED-CAPTIONS=%q", captionsGroup)
		}
		fmt.Fprintf(&b, "\n%s/%s\n", v.Name, file)
	}
	return []byte(b.String())
}

// captionsGroup is the GROUP-ID of the closed captions.
const captionsGroup = "cc"

// writeCaptions writes an EXT-X-MEDIA for each channel (section 4.4.6.1). Players
// with captions enabled select the first one. The languages are not known.
func writeCaptions(b *strings.Builder, captions media.Captions) {
	first := true
	for id := range captions.IDs() {
		fmt.Fprintf(b, "#EXT-X-MEDIA:TYPE=CLOSED-CAPTIONS,GROUP-ID=%q,NAME=%q,INSTREAM-ID=%q", captionsGroup, id, id)
		if first {
			b.WriteString(",AUTOSELECT=YES")
		}
		b.WriteByte('\n')
		first = false
	}
}

// Codecs returns the CODECS attribute: the codec strings of the tracks, separated by commas.
func (v Variant) Codecs() string {
	var codecs []string
	if v.Video != nil {
		codecs = append(codecs, cmp.Or(v.VideoCodec, v.Video.CodecString))
	}
	if v.Audio != nil {
		codecs = append(codecs, v.Audio.CodecString)
	}
	return strings.Join(codecs, ",")
}

// startBitrate is the peak bit rate of the variant to begin with (Apple's authoring
// specification 9.13 and 9.14: about 2 Mbit/s where the network is not known to be slower).
const startBitrate = 2_500_000

// inOrder returns the variants in the order of a multivariant playlist: first the one that players
// begin with, the best of those that most networks carry, and then the others from the best.
func inOrder(variants []Variant) []Variant {
	variants = slices.Clone(variants)
	slices.SortStableFunc(variants, func(a, b Variant) int {
		return cmp.Or(-cmp.Compare(a.pixels(), b.pixels()), -cmp.Compare(a.Average, b.Average))
	})
	start := slices.IndexFunc(variants, func(v Variant) bool { return v.Video != nil && v.Peak <= startBitrate })
	if start > 0 {
		first := variants[start]
		copy(variants[1:], variants[:start])
		variants[0] = first
	}
	return variants
}

// pixels returns the size of a picture.
func (v Variant) pixels() int {
	if v.Video == nil {
		return 0
	}
	return v.Video.Width * v.Video.Height
}
