package whip

import (
	"bytes"
	"time"

	"golive/codec/aac"
	"golive/codec/opus"
	"golive/ingest"
	"golive/media"
)

// audioWait is how long a missing packet of sound is waited for. Browsers do not send sound again,
// so it is only for packets that come in another order.
const audioWait = 60 * time.Millisecond

// encoderDelay is by how many samples libopus, which everybody uses, delays the sound: the first sample
// of a packet is that old. RTP does not tell, unlike files.
const encoderDelay = 312

const (
	// startLimit is how long the first pictures wait for sound: for ffmpeg to start, which takes seconds on
	// a busy machine.
	startLimit = 4 * time.Second
	// startLag is how far the sound may be behind when they no longer wait.
	startLag = 200 * time.Millisecond
)

// audio writes the sound of one track to a Session: converted to AAC if there is a converter, else as
// it is.
type audio struct {
	session   *ingest.Session
	clock     rtpClock
	packets   reorderer
	converter *converter // nil without ffmpeg

	opusTrack *media.Track
	header    aac.ADTSHeader
	aacTrack  *media.Track // of header
	written   media.Ticks  // DTS of the newest frame of aacTrack
	failing   bool         // the broadcaster is warned that the sound is missing
}

func newAudio(session *ingest.Session, c *converter) *audio {
	return &audio{session: session, clock: rtpClock{rate: opus.SampleRate}, packets: reorderer{wait: audioWait}, converter: c}
}

// push takes a packet, which was received that long after the session began.
func (a *audio) push(p arrival, after time.Duration) {
	a.clock.begin(p.Timestamp, after)
	a.packets.push(p)
}

// write writes the packets that are in order. An error ends the session.
func (a *audio) write(now time.Time) error {
	for {
		p, _, ok := a.packets.pop(now)
		if !ok {
			return nil
		}
		at := a.clock.unwrap(p.Timestamp)
		samples, err := opus.Samples(p.Payload)
		switch {
		case len(p.Payload) == 0: // padding
			continue
		case err != nil:
			a.session.Skip(ingest.SkipSyntax)
			continue
		}
		if a.converter != nil {
			a.session.MediaReceived(now)
			a.converter.convert(opusPacket{p.Payload, at, samples, p.at})
			continue
		}
		if err := a.session.Write(a.opusUnit(p.Payload, at, samples, now)); err != nil {
			return err
		}
	}
}

// opusUnit returns the access unit of a packet.
func (a *audio) opusUnit(data []byte, at int64, samples int, now time.Time) media.AccessUnit {
	if a.opusTrack == nil || a.opusTrack.SamplesPerUnit != samples {
		stereo := opus.Config{Channels: 2, InputRate: opus.SampleRate}
		a.opusTrack = &media.Track{
			Codec: media.Opus, CodecString: opus.CodecString, Config: stereo.SpecificBox(),
			SampleRate: opus.SampleRate, Channels: stereo.Channels, SamplesPerUnit: samples,
		}
	}
	dts := a.clock.ticks(at - encoderDelay)
	return media.AccessUnit{Track: a.opusTrack, DTS: dts, PTS: dts, Key: true, Data: data, Arrived: now}
}

// writeFrame writes a frame of the converter.
func (a *audio) writeFrame(f aacFrame, now time.Time) error {
	reader := aac.NewADTSReader(f.adts)
	h, raw, ok := reader.Next()
	if !ok {
		a.session.Skip(ingest.SkipSyntax)
		return nil
	}
	if a.aacTrack == nil || h != a.header {
		c, _, err := aac.ParseADTS(h, raw)
		if err != nil {
			a.session.Skip(ingest.SkipSyntax)
			return nil //nolint:nilerr // as counted
		}
		a.header = h
		a.aacTrack = &media.Track{
			Codec: media.AAC, CodecString: c.CodecString, ObjectType: c.ObjectType,
			SampleRate: c.SampleRate, Channels: c.Channels, SamplesPerUnit: c.SamplesPerUnit,
		}
	}
	if a.failing {
		a.failing = false
		a.session.ClearWarning(ingest.WarnAudioConversion)
	}
	dts := a.clock.ticks(f.at)
	a.written = dts
	return a.session.Write(media.AccessUnit{Track: a.aacTrack, DTS: dts, PTS: dts, Key: true, Data: bytes.Clone(raw), Arrived: now})
}

// fail warns the broadcaster that the converter has ended.
func (a *audio) fail(err error) {
	a.failing = true
	a.session.Warn(ingest.Warning{Code: ingest.WarnAudioConversion, Text: "the sound is interrupted: ffmpeg, which converts it from Opus to AAC on the server, " +
		"ended and is started again; ask the operator of the server: " + err.Error()})
}

// follows reports whether sound of the newest picture's time, at, is still being converted. elapsed is the time
// since the first picture.
func (a *audio) follows(at media.Ticks, elapsed time.Duration) bool {
	if a.converter == nil || a.failing || !a.clock.begun || elapsed >= startLimit {
		return false
	}
	return a.aacTrack == nil || a.written < at-media.TicksFromDuration(startLag)
}

// warnOpus warns the broadcaster that the sound stays Opus.
func (a *audio) warnOpus() {
	a.session.Warn(ingest.Warning{Code: ingest.WarnAudioConversion, Text: "the sound stays Opus, because there is no ffmpeg on the server that converts it to AAC: " +
		"older iPhones, Macs and televisions are silent; ask the operator of the server to install ffmpeg (transcode.ffmpeg)"})
}
