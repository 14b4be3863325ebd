package mpegts

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"slices"
	"testing"

	"github.com/asticode/go-astits"
	"github.com/google/go-cmp/cmp"

	"golive/media"
)

// The oracle reads the Muxer's output with an independent demuxer, and compares it with the
// expected output, which it computes in the simplest way.

// pesRead is a PES packet as the demuxer returned it.
type pesRead struct {
	PTS, DTS int64
	Data     []byte
}

// packetRead is the first transport packet of a PES packet.
type packetRead struct {
	pid                                 uint16
	pts                                 uint64
	hasPCR, randomAccess, discontinuity bool
	// clock is the last PCR up to here, -1 before the first.
	clock int64
}

// pcrRead is a PCR without its extension.
type pcrRead struct {
	pid           uint16
	at            int64
	discontinuity bool
}

// streamRead is what the demuxer found in parts.
type streamRead struct {
	video, audio []pesRead
	starts       []packetRead
	clocks       []pcrRead
	pmts         []*astits.PMTData
	pmtVersions  []uint8
}

// readParts demuxes parts as one stream and checks what holds for every stream:
// continuity, and tables at the beginning of each part.
func readParts(tb testing.TB, parts ...[]byte) streamRead {
	tb.Helper()
	for i, part := range parts {
		if len(part)%packetSize != 0 || len(part) != cap(part) {
			tb.Fatalf("part %d has %d bytes and a capacity of %d, want the same whole number of packets", i, len(part), cap(part))
		}
		for k, pid := range []uint16{patPID, pmtPID} {
			if got := binary.BigEndian.Uint16(part[k*packetSize+1:]); got != 0x4000|pid {
				tb.Fatalf("packet %d of part %d begins with PID bits %#x, want PID %#x", k, i, got, pid)
			}
		}
	}
	var s streamRead
	all := bytes.Join(parts, nil)
	s.readPackets(tb, all)

	demuxer := astits.NewDemuxer(context.Background(), bytes.NewReader(all), astits.DemuxerOptPacketSize(packetSize))
	for {
		d, err := demuxer.NextData()
		if errors.Is(err, astits.ErrNoMorePackets) {
			return s
		}
		if err != nil {
			tb.Fatalf("demux: %v", err)
		}
		switch {
		case d.PMT != nil:
			s.pmts = append(s.pmts, d.PMT)
		case d.PES != nil:
			h := d.PES.Header.OptionalHeader
			p := pesRead{PTS: h.PTS.Base, DTS: h.PTS.Base, Data: d.PES.Data}
			if h.DTS != nil {
				p.DTS = h.DTS.Base
			}
			if d.PID == videoPID {
				s.video = append(s.video, p)
			} else {
				s.audio = append(s.audio, p)
			}
		}
	}
}

// readPackets reads the transport packets one by one.
func (s *streamRead) readPackets(tb testing.TB, all []byte) {
	tb.Helper()
	demuxer := astits.NewDemuxer(context.Background(), bytes.NewReader(all), astits.DemuxerOptPacketSize(packetSize))
	counters := map[uint16]uint8{}
	clock := int64(-1)
	for n := 0; ; n++ {
		p, err := demuxer.NextPacket()
		if errors.Is(err, astits.ErrNoMorePackets) {
			return
		}
		if err != nil {
			tb.Fatalf("packet %d: %v", n, err)
		}
		pid := p.Header.PID
		step := uint8(1)
		if !p.Header.HasPayload {
			step = 0
		}
		if last, ok := counters[pid]; ok && p.Header.ContinuityCounter != (last+step)&0x0f {
			tb.Fatalf("packet %d of PID %#x has counter %d after %d", n, pid, p.Header.ContinuityCounter, last)
		}
		counters[pid] = p.Header.ContinuityCounter
		if pid == pmtPID {
			s.pmtVersions = append(s.pmtVersions, p.Payload[6]>>1&0x1f)
		}
		if pid != videoPID && pid != audioPID {
			continue
		}
		start := packetRead{pid: pid}
		if a := p.AdaptationField; a != nil {
			start.hasPCR, start.randomAccess, start.discontinuity = a.HasPCR, a.RandomAccessIndicator, a.DiscontinuityIndicator
			if a.HasPCR {
				clock = a.PCR.Base
			}
		}
		start.clock = clock
		if start.hasPCR {
			s.clocks = append(s.clocks, pcrRead{pid, clock, start.discontinuity})
		}
		if !p.Header.HasPayload {
			if !start.hasPCR || start.randomAccess {
				tb.Fatalf("packet %d has no payload and no PCR, or a random access point", n)
			}
			continue
		}
		if !p.Header.PayloadUnitStartIndicator {
			if start.hasPCR || start.randomAccess {
				tb.Fatalf("packet %d has a PCR or a random access point inside a PES packet", n)
			}
			continue
		}
		if pid == audioPID && binary.BigEndian.Uint16(p.Payload[4:]) == 0 {
			tb.Fatalf("packet %d begins audio without a length", n)
		}
		t := p.Payload[9:14]
		start.pts = uint64(t[0]>>1&7)<<30 | uint64(t[1])<<22 | uint64(t[2]>>1)<<15 | uint64(t[3])<<7 | uint64(t[4]>>1)
		s.starts = append(s.starts, start)
	}
}

// checkUnits checks that the stream has exactly the units that Part promises to write.
func (s *streamRead) checkUnits(tb testing.TB, units []media.AccessUnit) {
	tb.Helper()
	var video []pesRead
	var audio []media.AccessUnit
	for _, u := range units {
		if u.Track.Video() {
			if data := annexB(u); data != nil {
				video = append(video, pesRead{PTS: onWire(u.PTS), DTS: onWire(u.DTS), Data: data})
			}
		} else if len(u.Data) > 0 && len(u.Data) <= 8184 {
			audio = append(audio, u)
		}
	}
	if diff := cmp.Diff(video, s.video); diff != "" {
		tb.Fatalf("video (-want +got):\n%s", diff)
	}
	for i, p := range s.audio {
		audio = checkAudioPES(tb, i, p, audio)
	}
	if len(audio) > 0 {
		tb.Fatalf("%d audio frames are missing", len(audio))
	}
}

// checkAudioPES checks that the i-th audio PES packet has the first frames of units, and returns the
// remaining units.
func checkAudioPES(tb testing.TB, i int, p pesRead, units []media.AccessUnit) []media.AccessUnit {
	tb.Helper()
	if units != nil && units[0].Track.Codec == media.MP3 {
		return checkMP3PES(tb, i, p, units)
	}
	frames := readADTS(tb, p.Data)
	if len(frames) > len(units) {
		tb.Fatalf("audio PES %d has %d frames, want at most %d", i, len(frames), len(units))
	}
	first := units[0]
	if p.PTS != onWire(first.PTS) {
		tb.Fatalf("audio PES %d has PTS %d, want %d", i, p.PTS, onWire(first.PTS))
	}
	for k, f := range frames {
		u := units[k]
		want := adtsFrame{u.Track.ObjectType, u.Track.SampleRate, u.Track.Channels, u.Data}
		if diff := cmp.Diff(want, f, cmp.AllowUnexported(adtsFrame{})); diff != "" {
			tb.Fatalf("frame %d of audio PES %d (-want +got):\n%s", k, i, diff)
		}
		implied := first.PTS + media.Ticks(k*1024*90000/u.Track.SampleRate)
		if off := u.PTS - implied; off < -180 || off > 180 {
			tb.Fatalf("the time of frame %d of audio PES %d is %d ticks from that which a player computes", k, i, off)
		}
	}
	if span := units[len(frames)-1].PTS - first.PTS; span > 170*media.Millisecond {
		tb.Fatalf("audio PES %d spans %v, want 170ms at most", i, span.Duration())
	}
	return units[len(frames):]
}

// checkMP3PES is checkAudioPES for MP3, whose frames are written unchanged.
func checkMP3PES(tb testing.TB, i int, p pesRead, units []media.AccessUnit) []media.AccessUnit {
	tb.Helper()
	if p.PTS != onWire(units[0].PTS) {
		tb.Fatalf("audio PES %d has PTS %d, want %d", i, p.PTS, onWire(units[0].PTS))
	}
	for data := p.Data; len(data) > 0; units = units[1:] {
		if len(units) == 0 || !bytes.HasPrefix(data, units[0].Data) {
			tb.Fatalf("audio PES %d has other bytes than its frames", i)
		}
		data = data[len(units[0].Data):]
	}
	return units
}

// adtsFrame is a frame with the properties in its ADTS header.
type adtsFrame struct {
	objectType, sampleRate, channels int
	data                             []byte
}

// readADTS reads frames without CRC. (The reader of mediacommon, which tests package aac, does
// not support frames of more than 5120 bytes.)
func readADTS(tb testing.TB, b []byte) []adtsFrame {
	tb.Helper()
	rates := []int{96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350}
	var frames []adtsFrame
	for len(b) > 0 {
		if len(b) < 7 || b[0] != 0xff || b[1] != 0xf1 || b[6]&3 != 0 {
			tb.Fatalf("no ADTS header in % x", b[:min(len(b), 7)])
		}
		h := binary.BigEndian.Uint64(append(b[:7:7], 0)) >> 8
		size := int(h>>13) & 0x1fff
		if size < 7 || size > len(b) {
			tb.Fatalf("ADTS frame of %d bytes in %d", size, len(b))
		}
		channels := int(h>>30) & 7
		if channels == 7 {
			channels = 8
		}
		frames = append(frames, adtsFrame{int(h>>38)&3 + 1, rates[h>>34&15], channels, b[7:size]})
		b = b[size:]
	}
	return frames
}

// annexB returns the expected bytes of a video unit, or nil if it is left out.
func annexB(u media.AccessUnit) []byte {
	size := u.Track.NALLengthSize
	delimiter, sets, isHEVC := []byte{0x09, 0xf0}, []byte{7, 8}, u.Track.Codec == media.HEVC
	aud := byte(9)
	if isHEVC {
		delimiter, sets, aud = []byte{0x46, 1, 0x50}, []byte{32, 33, 34}, 35
	}
	seen := map[byte]bool{}
	var body []byte
	for rest := u.Data; len(rest) >= size; {
		n := uint64(0)
		for _, b := range rest[:size] {
			n = n<<8 | uint64(b)
		}
		rest = rest[size:]
		if n > uint64(len(rest)) {
			break
		}
		nal := rest[:n]
		rest = rest[n:]
		if n == 0 {
			continue
		}
		kind := nal[0] & 0x1f
		if isHEVC {
			if kind = nal[0] >> 1 & 0x3f; n < 2 {
				kind = 0
			}
		}
		if kind == aud {
			if !seen[aud] {
				delimiter = nal
			}
		} else {
			body = append(append(body, 0, 0, 0, 1), nal...)
		}
		seen[kind] = true
	}
	if body == nil {
		return nil
	}
	out := append([]byte{0, 0, 0, 1}, delimiter...)
	if u.Key && slices.ContainsFunc(sets, func(kind byte) bool { return !seen[kind] }) {
		for _, set := range slices.Concat(u.Track.VPS, u.Track.SPS, u.Track.PPS) {
			out = append(append(out, 0, 0, 0, 1), set...)
		}
	}
	return append(out, body...)
}

// onWire returns the PTS or DTS that is written for t.
func onWire(t media.Ticks) int64 { return int64(t+126_000) & (1<<33 - 1) }
