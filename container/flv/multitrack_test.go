package flv_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"golive/container/flv"
	"golive/media"
)

// entry is one track's packet in a multitrack body.
type entry struct {
	codec string // a FourCC in hexadecimal; "" for AVC
	track byte
	data  []byte
}

// The multitrack types, in the high half of a byte.
const (
	oneTrack   = 0x00
	manyTracks = 0x10
	manyCodecs = 0x20
)

// multi returns the body of a multitrack packet: its first byte, its multitrack type with its packet
// type, and its tracks.
func multi(t testing.TB, first, types byte, entries ...entry) []byte {
	t.Helper()
	body := []byte{first, types}
	for i, e := range entries {
		if e.codec == "" {
			e.codec = hexAVC1
		}
		if i == 0 || types&0xf0 == manyCodecs {
			body = append(body, raw(t, e.codec)...)
		}
		body = append(body, e.track)
		if types&0xf0 != oneTrack {
			body = append(body, byte(len(e.data)>>16), byte(len(e.data)>>8), byte(len(e.data)))
		}
		body = append(body, e.data...)
	}
	return body
}

// track returns the body of a packet of one track, with track id and AVC.
func track(t testing.TB, id, packet byte, data []byte) []byte {
	t.Helper()
	return multi(t, 0x96, oneTrack|packet, entry{track: id, data: data})
}

// numbers demuxes a body, and returns the number and width of each unit's track.
func numbers(t testing.TB, d *flv.Demuxer, body []byte) (found [][2]int) {
	t.Helper()
	u, ok, err := d.Video(0, body)
	for ; ok; u, ok, err = d.MoreVideo() {
		found = append(found, [2]int{u.Track.Number, u.Track.Width})
	}
	if err != nil {
		t.Fatalf("%x: %v", body, err)
	}
	return found
}

// twoTracks returns a demuxer with the configurations of track 0, which is large, and track 1,
// which is small.
func twoTracks(t testing.TB) *flv.Demuxer {
	t.Helper()
	d := flv.NewDemuxer()
	feed(t, d, track(t, 1, 0, small(t)))
	feed(t, d, track(t, 0, 0, large(t)))
	return d
}

const (
	largeWidth = 320
	smallWidth = 160
)

// Row 85 of docs/encoders.md: several video tracks (Enhanced RTMP).
func TestDemuxer_Row85_ReturnsTheUnitsOfAllTracks(t *testing.T) {
	picture := nals(t, 4, idr)
	composed := append([]byte{0, 0, 40}, picture...)
	for _, c := range []struct {
		name string
		body []byte
		want [][2]int
	}{
		{"one track", track(t, 1, 3, picture), [][2]int{{1, smallWidth}}},
		{"one track, with composition time", track(t, 0, 1, composed), [][2]int{{0, largeWidth}}},
		{"many", multi(t, 0x96, manyTracks|1, entry{data: composed}, entry{track: 1, data: composed}), [][2]int{{0, largeWidth}, {1, smallWidth}}},
		{"many in another order", multi(t, 0x96, manyTracks|3, entry{track: 1, data: picture}, entry{data: picture}), [][2]int{{1, smallWidth}, {0, largeWidth}}},
		{"many, one of them empty", multi(t, 0x96, manyTracks|3, entry{}, entry{track: 1, data: picture}), [][2]int{{1, smallWidth}}},
		{
			"many codecs", multi(t, 0x96, manyCodecs|1, entry{data: composed}, entry{codec: hexHVC1, track: 2, data: append([]byte{0, 0, 0}, nals(t, 4, vpsMain, spsMain, ppsMain, hevcIDR)...)}),
			[][2]int{{0, largeWidth}, {2, 176}},
		},
		{"after an offset in nanoseconds", append(raw(t, "97"+"02"+"07a120"+"06"), track(t, 1, 3, picture)[1:]...), [][2]int{{1, smallWidth}}},
		{"the end of a sequence", track(t, 1, 2, nil), nil},
		{"metadata", track(t, 1, 4, []byte{2, 0, 1}), nil},
		{"metadata of ffmpeg", multi(t, 0xd6, oneTrack|4, entry{track: 1, data: []byte{2, 0, 1}}), nil},
		{"an unknown packet type", track(t, 1, 9, picture), nil},
	} {
		if diff := cmp.Diff(c.want, numbers(t, twoTracks(t), c.body)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}

func TestDemuxer_Row85_TrackIsTheSameInEveryForm(t *testing.T) {
	d, picture := twoTracks(t), nals(t, 4, idr)
	plain := unit(t, d, 0, frame(picture))
	if u := unit(t, d, 0, track(t, 0, 3, picture)); u.Track != plain.Track {
		t.Error("track 0 of a multitrack packet is not that of a plain one")
	}
	second := unit(t, d, 0, track(t, 1, 3, picture))
	body := multi(t, 0x96, manyTracks|3, entry{track: 1, data: picture})
	u := unit(t, d, 0, body)
	if u.Track != second.Track || &u.Data[0] != &body[len(body)-len(picture)] {
		t.Error("the track is another one, or the data was copied")
	}
	body = append(raw(t, "97"+"02"+"07a120"+"06"), track(t, 1, 1, append([]byte{0, 0, 40}, picture...))[1:]...)
	if u := unit(t, d, 900, body); u.DTS != 900 || u.PTS != 900+40*90+45 {
		t.Errorf("DTS %d, PTS %d, want 900 and %d", u.DTS, u.PTS, 900+40*90+45)
	}
	if n := testing.AllocsPerRun(100, func() { unit(t, d, 0, body) }); n != 0 {
		t.Errorf("%v allocations for a unit, want 0", n)
	}
}

func TestDemuxer_Row85_NewConfigurationChangesItsTrackOnly(t *testing.T) {
	d, picture := twoTracks(t), nals(t, 4, idr)
	first, second := unit(t, d, 0, frame(picture)), unit(t, d, 0, track(t, 1, 3, picture))
	feed(t, d, track(t, 1, 0, small(t)))
	if u := unit(t, d, 0, track(t, 1, 3, picture)); u.Track != second.Track {
		t.Error("the same configuration made another track")
	}
	feed(t, d, track(t, 1, 0, large(t)))
	if u := unit(t, d, 0, track(t, 1, 3, picture)); u.Track == second.Track || u.Track.Number != 1 || u.Track.Width != largeWidth {
		t.Errorf("track %+v after the change", u.Track)
	}
	if u := unit(t, d, 0, frame(picture)); u.Track != first.Track {
		t.Error("the change of one track changed the other")
	}
}

func TestDemuxer_Row85_DefaultTrackIsThatWithTheSmallestID(t *testing.T) {
	d, picture := flv.NewDemuxer(), nals(t, 4, idr)
	send := func(id byte) int {
		t.Helper()
		return unit(t, d, 0, track(t, id, 3, picture)).Track.Number
	}
	feed(t, d, track(t, 5, 0, small(t)))
	if n := send(5); n != 0 {
		t.Errorf("the only track has number %d, want 0", n)
	}
	feed(t, d, track(t, 3, 0, small(t)))
	if five, three := send(5), send(3); five != 5 || three != 0 {
		t.Errorf("numbers %d and %d after track 3 began, want 5 and 0", five, three)
	}
	feed(t, d, config(large(t)))
	if five, three, zero := send(5), send(3), send(0); five != 5 || three != 3 || zero != 0 {
		t.Errorf("numbers %d, %d and %d after track 0 began, want 5, 3 and 0", five, three, zero)
	}
}

func TestDemuxer_Row85_SkipsTracksAboveTheBound(t *testing.T) {
	d, picture := flv.NewDemuxer(), nals(t, 4, idr)
	var all []entry
	for id := range byte(12) {
		feed(t, d, track(t, 20-id, 0, small(t)))
		all = append(all, entry{track: 20 - id, data: picture})
	}
	feed(t, d, track(t, 0, 0, large(t)))
	all = append(all, entry{data: picture})
	if n := len(numbers(t, d, multi(t, 0x96, manyTracks|3, all...))); n != flv.MaxVideoTracks {
		t.Errorf("units of %d tracks, want %d", n, flv.MaxVideoTracks)
	}
	if video, audio := d.SkippedTracks(); video != 5 || audio != 0 {
		t.Errorf("%d video and %d audio tracks were skipped, want 5 and 0", video, audio)
	}
}

func TestDemuxer_Row85_CodecOfOneTrackIsRefusedAlone(t *testing.T) {
	d, picture := twoTracks(t), nals(t, 4, idr)
	body := multi(t, 0x96, manyCodecs|3, entry{data: picture}, entry{codec: "76703039", track: 2, data: picture}, entry{track: 1, data: picture})
	if u := unit(t, d, 0, body); u.Track.Number != 0 {
		t.Errorf("the first unit is of track %d, want 0", u.Track.Number)
	}
	_, ok, err := d.MoreVideo()
	if refused, is := errors.AsType[*flv.UnsupportedError](err); ok || !is || refused.Codec != "VP9" || refused.TrackID != 2 {
		t.Errorf("%v, %v; want VP9 of track 2 refused", ok, err)
	}
	if u, ok, err := d.MoreVideo(); !ok || err != nil || u.Track.Number != 1 {
		t.Errorf("%v, %v; want the unit of track 1", ok, err)
	}
	if _, ok, err := d.MoreVideo(); ok || err != nil {
		t.Errorf("%v, %v; want the end", ok, err)
	}
	_, _, err = d.Video(0, track(t, 2, 3, picture))
	if !errors.Is(err, flv.ErrNoConfig) {
		t.Errorf("%v, want ErrNoConfig", err)
	}
}

func TestDemuxer_Row85_SizesAreChecked(t *testing.T) {
	picture := nals(t, 4, idr)
	for _, body := range [][]byte{
		ex(t, "96"), ex(t, "9601"), ex(t, "9601"+hexAVC1), ex(t, "9611"+hexAVC1), ex(t, "9611"+hexAVC1+"00"+"ffffff"+"00"),
		ex(t, "9631"+hexAVC1+"00"), ex(t, "9606"+hexAVC1+"00"), ex(t, "9607"+hexAVC1+"00"), ex(t, "9621"), ex(t, "9621"+hexAVC1+"00"+"0000"),
	} {
		if _, ok, err := twoTracks(t).Video(0, body); ok || !isSyntax(err) {
			t.Errorf("%x: %v, %v; want a SyntaxError", body, ok, err)
		}
	}
	// Tracks before a wrong size are returned, and those after it are skipped.
	d := twoTracks(t)
	body := multi(t, 0x96, manyTracks|3, entry{data: picture}, entry{track: 1, data: picture})
	for size := range body {
		u, ok, err := d.Video(0, body[:size])
		for range 3 {
			if err != nil && !isSyntax(err) || ok && !bytes.Equal(u.Data, picture) {
				t.Fatalf("%x: %x, %v, %v", body[:size], u.Data, ok, err)
			}
			u, ok, err = d.MoreVideo()
		}
		if ok || err != nil {
			t.Fatalf("%x: %v, %v after the end", body[:size], ok, err)
		}
	}
}

// Row 86 of docs/encoders.md: several audio tracks (Enhanced RTMP).
func TestDemuxer_Row86_OneAudioTrackIsUsed(t *testing.T) {
	aac := func(id, packet byte, data []byte) []byte {
		return multi(t, 0x95, oneTrack|packet, entry{codec: hexMP4A, track: id, data: data})
	}
	sound := []byte{0x21, 0x10}
	demux := func(d *flv.Demuxer, body []byte) (rate int) {
		t.Helper()
		u, ok, err := d.Audio(0, body)
		if err != nil {
			t.Fatalf("%x: %v", body, err)
		}
		if ok {
			rate = u.Track.SampleRate
		}
		return rate
	}

	d := flv.NewDemuxer()
	demux(d, aac(1, 0, raw(t, ascLC44k)))
	if rate := demux(d, aac(1, 1, sound)); rate != 44_100 {
		t.Errorf("the only track has %d Hz, want 44100", rate)
	}
	demux(d, audio(0, raw(t, ascLC48k)))
	if rate := demux(d, audio(1, sound)); rate != 48_000 {
		t.Errorf("track 0 has %d Hz, want 48000", rate)
	}
	if rate := demux(d, aac(1, 1, sound)); rate != 0 {
		t.Errorf("a second track is used, with %d Hz", rate)
	}
	for _, types := range []byte{manyTracks | 1, manyCodecs | 1} {
		body := multi(t, 0x95, types, entry{codec: hexMP4A, track: 2, data: []byte{1}}, entry{codec: hexMP4A, data: sound}, entry{codec: hexMP4A, track: 1, data: sound})
		if rate := demux(d, body); rate != 48_000 {
			t.Errorf("multitrack type %x: %d Hz, want 48000 of track 0", types, rate)
		}
	}
	if _, audio := d.SkippedTracks(); audio != 2 {
		t.Errorf("%d audio tracks were skipped, want 2", audio)
	}
	if _, ok, err := d.Audio(0, aac(1, 1, sound)[:6]); ok || !isSyntax(err) {
		t.Errorf("a body cut off: %v, %v; want a SyntaxError", ok, err)
	}
}

// FuzzMultitrack reads two bodies with all their units. A body has no more units than bytes,
// and the numbers of tracks are bounded.
func FuzzMultitrack(f *testing.F) {
	picture := nals(f, 4, idr)
	composed := append([]byte{0, 0, 40}, picture...)
	f.Add(track(f, 0, 0, large(f)), track(f, 0, 3, picture))
	f.Add(track(f, 1, 0, small(f)), multi(f, 0x96, manyTracks|1, entry{data: composed}, entry{track: 1, data: composed}))
	f.Add(multi(f, 0x96, manyTracks, entry{data: large(f)}, entry{track: 7, data: small(f)}), multi(f, 0x96, manyCodecs|1, entry{track: 7, data: composed}, entry{codec: hexHVC1, track: 255}))
	f.Add(append(raw(f, "97"+"02"+"07a120"+"06"), track(f, 3, 3, nals(f, 4, spsLarge, ppsLarge, idr))[1:]...), track(f, 3, 2, nil))
	f.Fuzz(func(t *testing.T, first, second []byte) {
		d := twoTracks(t)
		tracks := map[int]*media.Track{}
		for _, body := range [][]byte{first, second, first} {
			before := bytes.Clone(body)
			units := 0
			u, ok, err := d.Video(900_000, body)
			for ; ok || err != nil; u, ok, err = d.MoreVideo() {
				checkError(t, err)
				if units++; units > len(body) || ok && err != nil {
					t.Fatalf("%d units, %v, %v", units, ok, err)
				}
				if ok {
					checkVideo(t, u)
					tracks[u.Track.Number] = u.Track
				}
			}
			if !bytes.Equal(before, body) {
				t.Fatal("the body was changed")
			}
			if len(tracks) > flv.MaxVideoTracks {
				t.Fatalf("%d tracks, want %d at most", len(tracks), flv.MaxVideoTracks)
			}
		}
	})
}
