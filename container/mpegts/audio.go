package mpegts

import (
	"golive/codec/aac"
	"golive/media"
)

// How much audio is put into one PES packet. A PES packet for each frame would cost the
// stuffing of a transport packet every 21 ms, a third of the audio's bytes.
const (
	// runTarget is the longest time by which a picture may follow the start of the gathered
	// audio and still be written before it: two runs in a part of 250 ms.
	runTarget = 120 * media.Millisecond
	// runMax bounds what is gathered while no picture comes.
	runMax = 170 * media.Millisecond
	// clockRunMax is the bound if the audio carries the PCR, which is required every
	// 100 ms (ISO 13818-1 section 2.7.2).
	clockRunMax = 100 * media.Millisecond
	// runJitter is the largest distance of a frame's time from the one that follows from
	// the frames before it. Only the first frame of a PES packet has a timestamp, so a gap
	// must begin a new one; but publishers round timestamps to milliseconds.
	runJitter = 2 * media.Millisecond
	// maxRunSize keeps the 16 bits of PES_packet_length, which count three bytes
	// of flags and five of PTS too, from overflowing.
	maxRunSize = 1<<16 - 1 - 8
)

// audioRun is audio that is gathered for one PES packet. An empty run accepts any frame.
type audioRun struct {
	// clock is set if the audio carries the PCR, because there is no video.
	clock bool
	// The frames are those of units[first:end].
	first, end int
	frames     int
	// size is in bytes, that of AAC with the ADTS headers.
	size  int
	track *media.Track
	// pts is the first frame's.
	pts media.Ticks
}

// takes reports whether u can be added to the run.
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
		r.size+frameSize(u) <= maxRunSize
}

// add appends u, which is units[i], to the run.
func (r *audioRun) add(i int, u *media.AccessUnit) {
	if r.frames == 0 {
		*r = audioRun{clock: r.clock, first: i, track: u.Track, pts: u.PTS}
	}
	r.end = i + 1
	r.frames++
	r.size += frameSize(u)
}

// due reports whether the run must be written before a picture with that DTS.
func (r *audioRun) due(dts media.Ticks) bool {
	return r.frames > 0 && dts-r.pts >= runTarget
}

// length returns the duration of n frames.
func (r *audioRun) length(n int) media.Ticks {
	if r.track.SampleRate <= 0 {
		return 0
	}
	return media.Ticks(n) * media.Ticks(r.track.SamplesPerUnit) * media.Second / media.Ticks(r.track.SampleRate)
}

// fits reports whether u is a frame that fits a PES packet, and AAC after an ADTS header.
func fits(u *media.AccessUnit) bool {
	if u.Track.Codec == media.MP3 {
		return 0 < len(u.Data) && len(u.Data) <= maxRunSize
	}
	return len(u.Data) > 0 && len(layoutOf(u))+len(u.Data) <= aac.MaxFrameSize
}

// layoutOf returns the program config element to put before the frame; nil for most.
func layoutOf(u *media.AccessUnit) []byte {
	if u.Track.ProgramConfig == nil || aac.HasProgramConfig(u.Data) {
		return nil
	}
	return u.Track.ProgramConfig
}

// frameSize returns the size in bytes of the frame that u becomes.
func frameSize(u *media.AccessUnit) int {
	if u.Track.Codec == media.MP3 {
		return len(u.Data)
	}
	return aac.ADTSHeaderSize + len(layoutOf(u)) + len(u.Data)
}

// writeAudio writes the PES packet of the audio in units.
func writeAudio(w *packetWriter, p *pes, units []media.AccessUnit) {
	var buf [pesHeaderPTS]byte
	w.write(appendPESHeader(buf[:0], audioStreamID, p))
	for i := range units {
		u := &units[i]
		if u.Track.Video() || !fits(u) {
			continue
		}
		if u.Track.Codec == media.MP3 {
			w.write(u.Data)
			continue
		}
		t, layout := u.Track, layoutOf(u)
		w.write(aac.AppendADTSHeader(buf[:0], t.ObjectType, t.SampleRate, t.Channels, len(layout)+len(u.Data)))
		w.write(layout)
		w.write(u.Data)
	}
}
