package transcode

import (
	"fmt"
	"strconv"
	"strings"

	"golive/media"
)

// firstPipe is the descriptor of the first output; 0 to 2 are the standard ones.
const firstPipe = 3

// childOffset is added to times in the child process, so that the priming frame, which every AAC
// encoder puts before the first unit, has no negative time. Package fmp4 adds it.
const childOffset = 1400 * media.Millisecond

// The decoder knows key pictures, but not the recovery points of a gradual refresh, and no option
// can list the key pictures of a live stream. So the feeder gives them an odd time in ticks.
const (
	// isKey is an expression of ffmpeg's filters that is 1 for such pictures, or else 0.
	isKey = "mod(round(t*90000),2)"
	// firstIsOdd is the filter that marks the first picture of an output.
	firstIsOdd = "setpts='if(N,PTS,2*floor(PTS/2)+1)'"
	// forceKeys is the same for encoders, in which t is the time since the first picture.
	forceKeys = "expr:not(" + isKey + ")"
)

// args returns the arguments of ffmpeg. Its outputs are the video of the rungs, and then the audio
// encodings, in order, from descriptor firstPipe on. base is the source's time at which the
// child's times begin.
func (p *plan) args(e encoder, base media.Ticks) []string {
	a := []string{
		"-hide_banner", "-nostdin", "-nostats", "-loglevel", "level+error",
		// The initialization segment has all that is needed, and probing would delay units.
		"-probesize", "32", "-analyzeduration", "0", "-fpsprobesize", "0",
		"-copyts",
	}
	a = append(a, e.global...)
	// Frame threads would delay pictures.
	a = append(a, "-threads", "1", "-f", "mp4", "-i", "pipe:0")
	if p.encodesVideo() {
		a = append(a, "-filter_complex", p.graph(e, base))
	}
	pipe := firstPipe
	out := func(options ...string) {
		a = append(a, options...)
		a = append(a, "-flush_packets", "1", "-flvflags", "no_duration_filesize+no_sequence_end", "-f", "flv", "pipe:"+strconv.Itoa(pipe))
		pipe++
	}
	for i, r := range p.rungs {
		if r.AudioOnly {
			continue
		}
		options := []string{
			"-map", fmt.Sprintf("[v%d]", i), "-fps_mode", "passthrough", "-enc_time_base", "1:90000",
			"-force_key_frames", forceKeys,
		}
		out(append(options, e.options(r.Rung, p.frameRate(r.Rung), p.threads(r.Rung))...)...)
	}
	for _, s := range p.encodings {
		out("-map", "0:a", "-c:a", "aac", "-b:a", strconv.Itoa(s.bitrate),
			"-ar", strconv.Itoa(s.track.SampleRate), "-ac", strconv.Itoa(s.track.Channels))
	}
	return a
}

// graph returns the filters between the decoder and the encoders.
func (p *plan) graph(e encoder, base media.Ticks) string {
	var b strings.Builder
	b.WriteString("[0:v]")
	if p.source.interlaced() {
		b.WriteString("bwdif=mode=send_frame:deint=interlaced,settb=1/90000,")
	}
	var labels, chains []string
	for i, r := range p.rungs {
		if r.AudioOnly {
			continue
		}
		in := fmt.Sprintf("[s%d]", i)
		labels = append(labels, in)
		chains = append(chains, in+p.selectFilter(r, base)+firstIsOdd+","+r.scaleFilter()+","+e.format+fmt.Sprintf("[v%d]", i))
	}
	fmt.Fprintf(&b, "split=%d%s;", len(labels), strings.Join(labels, ""))
	b.WriteString(strings.Join(chains, ";"))
	return b.String()
}

// selectFilter returns the filter that leaves out pictures: those that the rung had before a
// restart, and those above its frame rate.
func (p *plan) selectFilter(r plannedRung, base media.Ticks) string {
	var conditions []string
	if r.resumes() {
		// In the middle between two pictures that are a millisecond apart.
		after := (r.from - base + childOffset + media.Millisecond/2).Seconds()
		conditions = append(conditions, fmt.Sprintf("gt(t,%.6f)", after))
	}
	// A rate slightly above the limit comes from a clock that is slightly fast.
	const tolerance = 1.1
	if r.FrameRate > 0 && p.source.rate() > r.FrameRate*tolerance {
		// Received times are rounded to milliseconds, so an interval may be slightly shorter.
		const minInterval = 0.8
		conditions = append(conditions, fmt.Sprintf("(%s+isnan(prev_selected_t)+gte(t-prev_selected_t,%.6f))", isKey, minInterval/r.FrameRate))
	}
	if len(conditions) == 0 {
		return ""
	}
	return "select='" + strings.Join(conditions, "*") + "',"
}

// scaleFilter returns the filter that makes the shorter side of the picture, as it is displayed, the
// rung's height. The other one follows the aspect ratio, and pixels become square.
func (r Rung) scaleFilter() string {
	return fmt.Sprintf("scale=w='if(gte(dar,1),2*round(%[1]d*dar/2),%[1]d)':h='if(gte(dar,1),%[1]d,2*round(%[1]d/dar/2))',setsar=1", r.Height)
}
