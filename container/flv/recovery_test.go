package flv_test

import (
	"bytes"
	"strings"
	"testing"

	"golive/container/flv"
	"golive/media"
)

const (
	intra    = "6188840000" // an I slice that is no IDR picture
	recovery = "0606 01 c4 80"
	gradual  = "0606 02 05 10 80" // the picture is right after 39 frames
	captions = "0604 0e b5003147413934 03 41 ff fc9420 ff 80"
)

// Row 58 of docs/encoders.md: recovery points instead of IDR pictures.
func TestDemuxer_Row58_ReportsWhereAndHowDecodingCanStart(t *testing.T) {
	const second = "6142040000" // the second I slice of a picture
	for _, c := range []struct {
		name   string
		tag    byte
		units  []string
		key    bool
		access media.Access
	}{
		{"IDR picture", 0x17, []string{idr}, true, media.AccessClosed},
		{"IDR picture with a recovery point", 0x17, []string{compact(recovery), idr}, true, media.AccessClosed},
		{"recovery point", 0x27, []string{compact(recovery), intra}, true, media.AccessOpen},
		{"recovery point of two slices", 0x27, []string{aud, compact(recovery), intra, second}, true, media.AccessOpen},
		{"recovery point whose second field is predicted", 0x27, []string{compact(recovery), intra, inter}, true, media.AccessOpen},
		{"recovery point of a predicted picture", 0x27, []string{compact(recovery), inter}, true, media.AccessGradual},
		{"recovery point after some frames", 0x27, []string{compact(gradual), inter}, true, media.AccessGradual},
		{"recovery point after some frames, intra", 0x27, []string{compact(gradual), intra}, true, media.AccessGradual},
		{"intra picture", 0x27, []string{intra}, false, 0},
		{"intra picture with parameter sets", 0x27, []string{spsLarge, ppsLarge, intra}, true, media.AccessOpen},
		{"intra picture with an SPS alone", 0x27, []string{spsLarge, intra}, false, 0},
		{"intra picture that is marked", 0x17, []string{intra}, true, media.AccessOpen},
		{"predicted picture that is marked, with parameter sets", 0x17, []string{spsLarge, ppsLarge, inter}, false, 0},
		{"intra and predicted slices", 0x17, []string{intra, "414600"}, false, 0},
		{"slice that is cut off", 0x17, []string{"61"}, false, 0},
		{"data partitions", 0x17, []string{"6288840000", "63c0", "64c0"}, true, media.AccessOpen},
	} {
		body := frame(nals(t, 4, c.units...))
		body[0] = c.tag
		if u := unit(t, configured(t), 0, body); u.Key != c.key || u.Access != c.access {
			t.Errorf("%s: key %t, access %d; want %t, %d", c.name, u.Key, u.Access, c.key, c.access)
		}
	}
}

func TestDemuxer_Row58_LearnsParameterSetsAtARecoveryPoint(t *testing.T) {
	d := flv.NewDemuxer()
	u := unit(t, d, 0, frame(nals(t, 4, spsLarge, ppsLarge, compact(recovery), intra)))
	if !u.Key || u.Track == nil || u.Track.Width != 320 {
		t.Errorf("unit %+v, want a key frame, 320 wide", u)
	}
}

// Row 67 of docs/encoders.md: captions in SEI messages.
func TestDemuxer_Row67_CaptionsAreSeenAndKeptInOrder(t *testing.T) {
	for _, c := range []struct {
		name  string
		units []string
	}{
		{"before the delimiter", []string{compact(captions), aud, inter}},
		{"after the delimiter", []string{aud, compact(captions), inter}},
		{"in two units", []string{aud, compact(recovery), compact(captions), inter}},
	} {
		data := nals(t, 4, c.units...)
		u := unit(t, configured(t), 0, frame(data))
		if u.Captions != 1 || !bytes.Equal(u.Data, data) {
			t.Errorf("%s: captions %b, want 1; data %x, want %x", c.name, u.Captions, u.Data, data)
		}
	}
	if u := unit(t, configured(t), 0, frame(raw(t, "00000001"+compact(captions)+"00000001"+inter))); u.Captions != 1 {
		t.Errorf("in Annex B: captions %b, want 1", u.Captions)
	}
}

func TestDemuxer_Row67_MessagesInATagOfTheirOwnGoWithTheNextPicture(t *testing.T) {
	d := configured(t)
	feed(t, d, frame(nals(t, 4, aud, compact(captions))))
	feed(t, d, frame(nals(t, 4, compact(recovery))))
	u := unit(t, d, 0, frame(nals(t, 4, intra)))
	if want := nals(t, 4, compact(captions), compact(recovery), intra); !bytes.Equal(u.Data, want) {
		t.Errorf("data %x, want %x", u.Data, want)
	}
	if u.Captions != 1 || !u.Key || u.Access != media.AccessOpen {
		t.Errorf("captions %b, key %t, access %d; want 1, true, %d", u.Captions, u.Key, u.Access, media.AccessOpen)
	}
	if u := unit(t, d, 0, frame(nals(t, 4, inter))); u.Captions != 0 || u.Key {
		t.Errorf("the messages are repeated with the picture after the next: %+v", u)
	}
}

func TestDemuxer_BoundsSEIForTheNextPicture(t *testing.T) {
	d := configured(t)
	for range 1000 {
		feed(t, d, frame(nals(t, 4, compact(captions))))
	}
	if u := unit(t, d, 0, frame(nals(t, 4, inter))); len(u.Data) > 5000 {
		t.Errorf("a picture after 1000 SEI messages has %d bytes, want 5000 at most", len(u.Data))
	}
}

// compact returns s without spaces.
func compact(s string) string { return strings.ReplaceAll(s, " ", "") }
