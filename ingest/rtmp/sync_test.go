package rtmp

import (
	"slices"
	"testing"

	"golive/container/mpegts"
	"golive/ingest/ingesttest"
	"golive/media"
)

// times has the PTS of a transport stream's video and audio PES packets, and the DTS of the video.
type times struct{ video, decoded, audio []media.Ticks }

// readTimes reads the headers of PES packets (ISO 13818-1 section 2.4.3.7).
func readTimes(t *testing.T, ts []byte) (all times) {
	t.Helper()
	stamp := func(b []byte) media.Ticks {
		return media.Ticks(b[0]>>1&7)<<30 | media.Ticks(b[1])<<22 | media.Ticks(b[2]>>1)<<15 | media.Ticks(b[3])<<7 | media.Ticks(b[4]>>1)
	}
	for ; len(ts) >= 188; ts = ts[188:] {
		p := ts[4:188]
		if ts[1]&0x40 == 0 || ts[3]&0x10 == 0 {
			continue // no payload begins here
		}
		if ts[3]&0x20 != 0 {
			p = p[1+int(p[0]):]
		}
		if len(p) < 19 || p[0] != 0 || p[1] != 0 || p[2] != 1 {
			continue // a table
		}
		pts := stamp(p[9:])
		if p[3]&0xf0 != 0xe0 {
			all.audio = append(all.audio, pts)
			continue
		}
		dts := pts
		if p[7]&0x40 != 0 {
			dts = stamp(p[14:])
		}
		all.video, all.decoded = append(all.video, pts), append(all.decoded, dts)
	}
	return all
}

// TestRow68_AudioAndVideoKeepTheirDistance goes from RTMP's bytes to a transport
// stream, with the composition times of x264's pyramid at 25 pictures a second.
func TestRow68_AudioAndVideoKeepTheirDistance(t *testing.T) {
	const second = 1000
	presented := []int{0, 4, 2, 1, 3} // places in the presentation, of pictures in decoding order
	for name, less := range map[string]func(i int) int{
		"all positive":             func(int) int { return 0 },
		"some negative":            func(int) int { return 40 },
		"all negative":             func(int) int { return 400 },
		"negative after 4 s":       func(i int) int { return 40 * (i / 100) },
		"large":                    func(int) int { return -6000 },
		"an outlier":               func(i int) int { return 7_000_000 * (i / 57 % 2 * (57 / max(i, 1))) },
		"in CodedFrames, negative": func(int) int { return 40 },
	} {
		t.Run(name, func(t *testing.T) {
			h := open(t, testConfig())
			c, s := h.live(t, "studio")
			c.video(0, ingesttest.AVCConfig())
			c.audio(0, ingesttest.AACConfig())
			var want times
			var units []media.AccessUnit
			audio := 0
			for i := range 200 {
				at := second + 40*i
				pts := second + 80 + 40*(i/5*5+presented[i%5])
				body := composed(ingesttest.Picture(i%50 == 0, 100), pts-at-less(i))
				if name == "in CodedFrames, negative" {
					body = append(append([]byte{0x80 | body[0]&0x70 | 1}, "avc1"...), body[2:]...)
				}
				c.video(uint32(at), body)
				units = append(units, s.Unit(t))
				want.video = append(want.video, media.TicksFromMillis(int64(pts-less(i))))
				for ; audio*1024/48 <= 40*i; audio++ {
					c.audio(uint32(second+audio*1024/48), ingesttest.AACFrame())
					units = append(units, s.Unit(t))
					want.audio = append(want.audio, second*media.Millisecond+media.Ticks(audio)*1920)
				}
			}
			video, sound := units[0].Track, units[1].Track
			slices.SortStableFunc(units, func(a, b media.AccessUnit) int { return int(a.DTS - b.DTS) })
			got := readTimes(t, mpegts.NewMuxer().Part(video, sound, units, 0, 0))
			if len(got.video) != len(want.video) || len(got.audio) == 0 {
				t.Fatalf("%d pictures, want %d, and %d PES packets of audio", len(got.video), len(want.video), len(got.audio))
			}
			// The transport stream's clock has an offset, the same for both.
			offset := got.audio[0] - want.audio[0]
			for i := range got.video {
				if off := got.video[i] - offset - want.video[i]; off != 0 && (name != "an outlier" || i != 57) {
					t.Errorf("picture %d is presented %d ticks out of sync with the audio", i, off)
				}
				if i > 0 && got.decoded[i] <= got.decoded[i-1] {
					t.Errorf("picture %d: DTS %d after %d", i, got.decoded[i], got.decoded[i-1])
				}
				if got.decoded[i] > got.video[i] {
					t.Errorf("picture %d: PTS %d before DTS %d", i, got.video[i], got.decoded[i])
				}
			}
			for i, at := range got.audio {
				if !slices.Contains(want.audio, at-offset) {
					t.Errorf("PES packet %d of audio is at %d, which is no frame's time", i, at-offset)
				}
			}
		})
	}
}
