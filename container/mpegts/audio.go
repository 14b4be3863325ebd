package mpegts

import (
	"golive/codec/aac"
	"golive/media"
)

// How much audio shares a PES packet. A frame of its own PES would cost a
// transport packet's stuffing every 21 ms, a third of the audio's bytes.
const (
	// runTarget is how far a picture may be ahead of the gathered audio and still
	// be written before it: two runs to a part of 250 ms.
	runTarget = 120 * media.Millisecond
	// runMax is the most that is gathered while no picture, or a late one, comes.
	runMax = 170 * media.Millisecond
	// clockRunMax is the most when the audio carries the PCR, which must come
	// every 100 ms (ISO 13818-1 section 2.7.2).
	clockRunMax = 100 * media.Millisecond
	// runJitter is how far a frame may be from where the frames before it put it.
	// Only the first frame of a PES packet has a timestamp, so a hole must begin a
	// new one; but publishers count whole milliseconds and round each to its side.
	runJitter = 2 * media.Millisecond
	// maxRunSize keeps the 16 bits of PES_packet_length, which count three bytes
	// of flags and five of PTS too, from overflowing.
	maxRunSize = 1<<16 - 1 - 8
)

// audioRun is audio that is gathered for one PES packet. Without frames it is
// empty, and takes anything.
type audioRun struct {
	// clock says that the audio carries the PCR, there being no video.
	clock bool
	// The frames are those of units[first:end].
	first, end int
	frames     int
	// size is in bytes, with the ADTS headers.
	size  int
	track *media.Track
	// pts is the first frame's.
	pts media.Ticks
}

// takes says whether u may go on where the run is.
func (r *audioRun) takes(u *media.AccessUnit) bool {
	if r.frames == 0 {
		return true
	}
	longest := runMax
	if r.clock {
		longest = clockRunMax
	}
	off := u.PTS - r.pts - r.length(r.frames)
	return u.Track == r.track &&
		-runJitter <= off && off <= runJitter &&
		r.length(r.frames+1) <= longest &&
		r.size+adtsSize(u) <= maxRunSize
}

// add puts u, which is units[i], at the run's end.
func (r *audioRun) add(i int, u *media.AccessUnit) {
	if r.frames == 0 {
		*r = audioRun{clock: r.clock, first: i, track: u.Track, pts: u.PTS}
	}
	r.end = i + 1
	r.frames++
	r.size += adtsSize(u)
}

// due says whether the run must be written before a picture with that DTS.
func (r *audioRun) due(dts media.Ticks) bool {
	return r.frames > 0 && dts-r.pts >= runTarget
}

// length is how long n frames last.
func (r *audioRun) length(n int) media.Ticks {
	if r.track.SampleRate <= 0 {
		return 0
	}
	return media.Ticks(n) * media.Ticks(r.track.SamplesPerUnit) * media.Second / media.Ticks(r.track.SampleRate)
}

// fitsADTS reports whether u is a frame that an ADTS header can stand before.
func fitsADTS(u *media.AccessUnit) bool {
	return len(u.Data) > 0 && len(layoutOf(u))+len(u.Data) <= aac.MaxFrameSize
}

// layoutOf returns the program config element to put before the frame; nil for most.
func layoutOf(u *media.AccessUnit) []byte {
	if u.Track.ProgramConfig == nil || aac.HasProgramConfig(u.Data) {
		return nil
	}
	return u.Track.ProgramConfig
}

// adtsSize is the size in bytes of the ADTS frame that u becomes.
func adtsSize(u *media.AccessUnit) int { return aac.ADTSHeaderSize + len(layoutOf(u)) + len(u.Data) }

// writeAudio writes the PES packet of the audio in units.
func writeAudio(w *packetWriter, p *pes, units []media.AccessUnit) {
	var buf [pesHeaderPTS]byte
	w.write(appendPESHeader(buf[:0], audioStreamID, p))
	for i := range units {
		u := &units[i]
		if u.Track.Codec != media.AAC || !fitsADTS(u) {
			continue
		}
		t, layout := u.Track, layoutOf(u)
		w.write(aac.AppendADTSHeader(buf[:0], t.ObjectType, t.SampleRate, t.Channels, len(layout)+len(u.Data)))
		w.write(layout)
		w.write(u.Data)
	}
}
