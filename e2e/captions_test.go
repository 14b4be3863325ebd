//go:build e2e

package e2e

import (
	"encoding/binary"
	"math/bits"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"golive/e2e/harness"
)

// Row 67 of docs/encoders.md: captions in SEI messages.
func TestChromium_Row67_ShowsTheCaptionsThatTheEncoderSends(t *testing.T) {
	// With parts, hls.js sorts captions into the order of presentation in each part
	// alone, and B-frames mix them up.
	s := harness.Start(t, harness.Options{Config: "playlist: { low_latency: false }\n"})
	plain, err := os.ReadFile(sources.FLV(t, "-bf", "2"))
	if err != nil {
		t.Fatal(err)
	}
	source := filepath.Join(t.TempDir(), "captions.flv")
	if err := os.WriteFile(source, captioned(plain), 0o600); err != nil {
		t.Fatal(err)
	}
	harness.PublishLooped(t, source, s.PublishURL("show"))
	s.WaitForState("show", "live", 20*time.Second)
	p := harness.OpenBrowser(t).Open(t, s.WatchURL("show"))
	p.WaitForPicture(20 * time.Second)
	p.WaitUntil(20*time.Second, "document.querySelector('video').textTracks.length > 0")
	p.WaitUntil(20*time.Second, `(() => {
		const track = document.querySelector('video').textTracks[0];
		if (track.mode === 'disabled') track.mode = 'hidden';
		return Array.from(track.cues ?? []).some((cue) => cue.text.includes('GOLIVE'));
	})()`)
}

// captioned puts a caption of CEA-608 into each picture of an FLV file, before or
// after an access unit delimiter: every two seconds GOLIVE and
// a number in the lowest row. hls.js shows a caption when the next one replaces it.
func captioned(flv []byte) []byte {
	const header, tagHeader = 13, 11
	out := append([]byte{}, flv[:header]...)
	for at := header; at+tagHeader <= len(flv); {
		size := int(flv[at+1])<<16 | int(flv[at+2])<<8 | int(flv[at+3])
		tag := append([]byte{}, flv[at:at+tagHeader]...)
		body := append([]byte{}, flv[at+tagHeader:at+tagHeader+size]...)
		at += tagHeader + size + 4
		if tag[0] == 9 && body[1] == 1 {
			// Captions are read in the order of presentation.
			ms := int(tag[4])<<16 | int(tag[5])<<8 | int(tag[6])
			ms += int(body[3])<<8 | int(body[4])
			body = slices.Concat(body[:5], captionUnits((ms*30+500)/1000), body[5:])
		}
		tag[1], tag[2], tag[3] = byte(len(body)>>16), byte(len(body)>>8), byte(len(body))
		out = append(append(out, tag...), body...)
		out = binary.BigEndian.AppendUint32(out, uint32(tagHeader+len(body)))
	}
	return out
}

// captionUnits returns an access unit delimiter and an SEI message, for every other picture in
// the opposite order.
func captionUnits(picture int) []byte {
	// Pop-on captions: resume loading, row 15, the text, end of caption; control codes
	// are sent twice.
	codes := [][2]byte{
		{0x14, 0x20},
		{0x14, 0x20},
		{0x14, 0x2e},
		{0x14, 0x2e},
		{0x14, 0x70},
		{0x14, 0x70},
		{'G', 'O'},
		{'L', 'I'},
		{'V', 'E'},
		{' ', '0' + byte(picture/60%10)},
		{0x14, 0x2f},
		{0x14, 0x2f},
	}
	var pair [2]byte
	if i := picture % 60; i < len(codes) {
		pair = codes[i]
	}
	for i, c := range pair {
		if bits.OnesCount8(c)%2 == 0 {
			pair[i] |= 0x80
		}
	}
	sei := []byte{6, 4, 14, 0xb5, 0, 0x31, 'G', 'A', '9', '4', 3, 0x41, 0xff, 0xfc, pair[0], pair[1], 0xff, 0x80}
	aud := []byte{9, 0xf0}
	first, second := aud, sei
	if picture%2 == 0 {
		first, second = sei, aud
	}
	var units []byte
	for _, nal := range [][]byte{first, second} {
		units = append(binary.BigEndian.AppendUint32(units, uint32(len(nal))), nal...)
	}
	return units
}
