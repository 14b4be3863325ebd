package whip

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4/pkg/media/oggreader"

	"golive/codec/aac"
	"golive/codec/opus"
	"golive/ingest"
	"golive/ingest/ingesttest"
	"golive/media"
)

// encodeOpus returns the packets of a source filter of ffmpeg, encoded as Opus in packets of 20 ms.
func encodeOpus(t testing.TB, source string, args ...string) (packets [][]byte) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "ffmpeg", append(append([]string{"-v", "error", "-f", "lavfi", "-i", source, "-c:a", "libopus", "-b:a", "128k"}, args...), "-f", "ogg", "-page_duration", "20000", "-")...)
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	r, _, err := oggreader.NewWith(bytes.NewReader(out))
	if err != nil {
		t.Fatal(err)
	}
	for {
		packet, _, err := r.ParseNextPage()
		if errors.Is(err, io.EOF) {
			return packets
		}
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.HasPrefix(packet, []byte("OpusTags")) {
			packets = append(packets, packet)
		}
	}
}

// decode returns the samples of both channels of units with AAC.
func decode(t testing.TB, units []media.AccessUnit) (left, right []float64) {
	t.Helper()
	var in bytes.Buffer
	for _, u := range units {
		in.Write(aac.AppendADTSHeader(nil, u.Track.ObjectType, u.Track.SampleRate, u.Track.Channels, len(u.Data)))
		in.Write(u.Data)
	}
	cmd := exec.CommandContext(t.Context(), "ffmpeg", "-v", "error", "-f", "aac", "-i", "-", "-f", "s16le", "-")
	cmd.Stdin = &in
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	for ; len(out) >= 4; out = out[4:] {
		left = append(left, float64(int16(binary.LittleEndian.Uint16(out)))/32768)
		right = append(right, float64(int16(binary.LittleEndian.Uint16(out[2:])))/32768)
	}
	return left, right
}

// onset returns the index of the first loud sample from at on, or -1.
func onset(samples []float64, at int) int {
	for i := at; i < len(samples); i++ {
		if math.Abs(samples[i]) > 0.35 {
			return i
		}
	}
	return -1
}

func peak(samples []float64) (p float64) {
	for _, s := range samples {
		p = max(p, math.Abs(s))
	}
	return p
}

// opusSource is a tone on the left channel that begins after a second.
const opusSource = "aevalsrc='0.5*sin(2*PI*1000*t)*gte(t,1)|0':s=48000:d=3"

// sendOpus sends packets, except those for which skip returns true.
func sendOpus(t testing.TB, c *client, packets [][]byte, skip func(i int) bool) {
	t.Helper()
	ticker := time.NewTicker(2 * time.Millisecond) // slow enough for UDP buffers
	defer ticker.Stop()
	for i, payload := range packets {
		if skip == nil || !skip(i) {
			send(t, c.audio, &rtp.Packet{Header: rtp.Header{Version: 2, SequenceNumber: uint16(i), Timestamp: uint32(960*i) - 9600}, Payload: payload})
			<-ticker.C
		}
	}
}

// collectAAC returns the units until the sink is closed.
func collectAAC(t testing.TB, s *ingesttest.Sink) (units []media.AccessUnit) {
	t.Helper()
	if err := s.End(t); err != nil {
		t.Errorf("ended with %v", err)
	}
	for {
		select {
		case u := <-s.Wrote:
			if u.Track.Codec != media.AAC || u.Track.Channels != 2 || u.Track.SampleRate != 48000 {
				t.Fatalf("track %+v", u.Track)
			}
			units = append(units, u)
		default:
			return units
		}
	}
}

// stop stops a publication.
func (c *client) stop(t testing.TB) {
	t.Helper()
	if r := do(t, http.MethodDelete, c.url, ""); r.status != http.StatusOK {
		t.Errorf("DELETE: %d %s", r.status, r.body)
	}
}

func TestAudio_BecomesAACWithItsTimesAndChannels(t *testing.T) {
	for name, skip := range map[string]func(i int) bool{
		"whole":                              nil,
		"with a packet lost":                 func(i int) bool { return i == 20 },
		"with pauses of DTX":                 func(i int) bool { return i >= 5 && i < 25 },
		"with a hole of a second and a half": func(i int) bool { return i >= 60 && i < 135 },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := start(t, testConfig(), withFFmpeg)
			c, sink := h.publish(t, codecH264(usualFmtp))
			packets := encodeOpus(t, opusSource)
			sendOpus(t, c, packets, skip)
			ingesttest.Await(t, "audio", sink.Wrote) // the first unit: the child process runs
			c.stop(t)
			units := append([]media.AccessUnit{}, collectAAC(t, sink)...)
			if len(units) < 50 {
				t.Fatalf("%d units, want 50 at least", len(units))
			}
			left, right := decode(t, units)
			if p := peak(right); p > 0.05 {
				t.Errorf("the right channel has a peak of %.3f, want silence", p)
			}
			// The first unit, of 1024 samples, was received above.
			at := onset(left, 2*1024)
			late := float64(at+1024-encoderDelay)/48000 - 1
			t.Logf("%d packets, %d units, the tone begins %.1f ms late", len(packets), len(units), 1000*late)
			if at < 0 || math.Abs(late) > 0.003 {
				t.Errorf("the tone begins at sample %d of %d", at, len(left))
			}
			last := units[len(units)-1]
			lasts := (last.DTS - units[0].DTS).Seconds()
			if math.Abs(lasts-float64(len(packets))*0.02) > 0.1 {
				t.Errorf("the units last %.3f s, want %.3f s", lasts, float64(len(packets))*0.02)
			}
		})
	}
}

// The pictures of a broadcast whose ffmpeg starts slowly say that sound follows, until it has come. Its times
// are those of its packets.
func TestAudio_FollowsTheFirstPictures(t *testing.T) {
	program := filepath.Join(t.TempDir(), "ffmpeg")
	script(t, program, "sleep 1; exec ffmpeg \"$@\"\n")
	h := start(t, testConfig(), func(o *Options) { o.FFmpeg = program })
	c, sink := h.publish(t, codecH264(usualFmtp))
	all, sps, pps := pictures(t)
	p := packetizer{}
	packet := opus.Silence(2, 960)
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	var first, sound *media.AccessUnit
	const from, to = media.Second / 2, 3 * media.Second // ffmpeg may take longer than startLimit on a busy machine
	for i := 0; sound == nil || first == nil; i++ {
		if i > 1000 {
			t.Fatal("no sound came within 20 s")
		}
		pic := all[i%len(all)]
		pic.at = uint32(i * 1800)
		var sets [][]byte
		if pic.key {
			sets = [][]byte{sps, pps}
		}
		send(t, c.video, p.packets(pic, sets...)...)
		send(t, c.audio, &rtp.Packet{Header: rtp.Header{Version: 2, SequenceNumber: uint16(i), Timestamp: uint32(960 * i)}, Payload: packet})
		<-ticker.C
		for range len(sink.Wrote) {
			u := <-sink.Wrote
			switch {
			case !u.Track.Video() && sound == nil:
				sound = &u
			case u.Track.Video() && first == nil:
				first = &u
			}
			if !u.Track.Video() || sound != nil {
				continue
			}
			if at := u.PTS - first.PTS; at > from && at < to && !u.AudioFollows {
				t.Fatalf("the picture at %d does not say that sound follows", u.PTS)
			}
		}
	}
	// The packets of both arrive one after the other, and the sound is encoderDelay older.
	if off := first.PTS - sound.PTS; off < -100*media.Millisecond || off > 100*media.Millisecond {
		t.Errorf("the first picture is %v off the first sound", off.Duration())
	}
}

func TestAudio_StaysOpusWithoutFFmpeg(t *testing.T) {
	h := start(t, testConfig())
	c, sink := h.publish(t, codecH264(usualFmtp))
	packet := opus.Silence(2, 960)
	for i := range 10 {
		send(t, c.audio, &rtp.Packet{Header: rtp.Header{Version: 2, SequenceNumber: uint16(i), Timestamp: uint32(960 * i)}, Payload: packet})
	}
	for i := range 10 {
		u := sink.Unit(t)
		if u.Track.Codec != media.Opus || u.Track.Channels != 2 || u.Track.SamplesPerUnit != 960 || !bytes.Equal(u.Data, packet) {
			t.Fatalf("unit %d is of %+v, want Opus", i, u.Track)
		}
	}
	for {
		if w := ingesttest.Await(t, "the warning", sink.Warned); w.Code == ingest.WarnAudioConversion {
			if !strings.Contains(w.Text, "transcode.ffmpeg") {
				t.Errorf("warning %q, want one that names transcode.ffmpeg", w.Text)
			}
			return
		}
	}
}

func TestAudio_ContinuesWhenFFmpegEnds(t *testing.T) {
	// This program ends after the first 30000 bytes of its input.
	program := filepath.Join(t.TempDir(), "ffmpeg")
	script(t, program, "head -c 30000 | exec ffmpeg \"$@\"\n")
	h := start(t, testConfig(), func(o *Options) { o.FFmpeg = program })
	c, sink := h.publish(t, codecH264(usualFmtp))
	packets := encodeOpus(t, "aevalsrc=0.5*sin(2*PI*1000*t):s=48000:d=6")
	done := make(chan struct{})
	go func() {
		defer close(done)
		ticker := time.NewTicker(20 * time.Millisecond)
		defer ticker.Stop()
		for i, payload := range packets {
			<-ticker.C
			p := &rtp.Packet{Header: rtp.Header{Version: 2, SequenceNumber: uint16(i), Timestamp: uint32(960 * i)}, Payload: payload}
			if c.audio.WriteRTP(p) != nil {
				return
			}
		}
	}()
	for ingesttest.Await(t, "a warning", sink.Warned).Code != ingest.WarnAudioConversion {
	}
	for ingesttest.Await(t, "the end of the warning", sink.Cleared) != ingest.WarnAudioConversion {
	}
	c.stop(t)
	<-done
}

// The sender reports say that audio and video that arrive together were not captured together. The
// pictures are moved accordingly.
func TestJoin_FollowsSenderReports(t *testing.T) {
	h := start(t, testConfig())
	c, sink := h.publish(t, codecH264(usualFmtp))
	all, sps, pps := pictures(t)
	p := packetizer{}
	const lead = 150 // ms by which the pictures are older than the audio that arrives with them
	packet := opus.Silence(2, 960)
	reports := func(seconds int) {
		ntp := (4_000_000_000 + uint64(seconds)) << 32
		err := c.WriteRTCP([]rtcp.Packet{
			&rtcp.SenderReport{SSRC: ssrcOf(t, c, 0), NTPTime: ntp, RTPTime: uint32(90000*seconds + 90*lead)},
			&rtcp.SenderReport{SSRC: ssrcOf(t, c, 1), NTPTime: ntp, RTPTime: uint32(48000 * seconds)},
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	last := map[media.Codec]media.AccessUnit{}
	for i, pic := range all[:300] {
		var sets [][]byte
		if pic.key {
			sets = [][]byte{sps, pps}
		}
		pic.at -= all[0].at
		send(t, c.video, p.packets(pic, sets...)...)
		send(t, c.audio, &rtp.Packet{Header: rtp.Header{Version: 2, SequenceNumber: uint16(i), Timestamp: uint32(960 * i)}, Payload: packet})
		if i%30 == 10 {
			reports(i / 30)
		}
		for range 2 {
			u := sink.Unit(t)
			last[u.Track.Codec] = u
		}
	}
	// The picture with RTP time t was captured with the audio of RTP time t-lead.
	wantVideo := media.Ticks(all[299].at-all[0].at) - lead*media.Millisecond
	wantAudio := media.Ticks(299*960-encoderDelay) * 15 / 8
	off := (last[media.H264].PTS - wantVideo) - (last[media.Opus].PTS - wantAudio)
	t.Logf("the pictures are %.1f ms off", 1000*off.Seconds())
	if off < -20*media.Millisecond || off > 20*media.Millisecond {
		t.Errorf("the pictures are %v out of sync", off.Duration())
	}
}

func ssrcOf(t testing.TB, c *client, i int) uint32 {
	t.Helper()
	return uint32(c.GetSenders()[i].GetParameters().Encodings[0].SSRC)
}
