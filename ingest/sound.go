package ingest

import (
	"fmt"

	"golive/codec/aac"
	"golive/media"
)

// maxUnconfigured is the number of consecutive audio frames without a decoder configuration
// after which the broadcaster is warned: a second at 48 kHz.
const maxUnconfigured = 47

const (
	// mutedTime is how long nothing but digital silence is received before the broadcaster is
	// warned.
	mutedTime = 10 * media.Second
	// soundToClear is the number of consecutive frames with sound that clears the warning: a
	// second at 48 kHz.
	soundToClear = 47
)

// SoundWarnings warns the broadcaster of problems with the audio of one session. The zero
// value is ready. Its methods take the session's Sink, which gets the warnings if it is a
// Warner.
type SoundWarnings struct {
	// Track is the track of the last call of Began.
	Track *media.Track

	unconfigured int
	refused      bool
	warned       []WarningCode
	silence      silence
}

// silence is the state of the warning about digital silence.
type silence struct {
	judged bool        // IsSilent knows the track
	began  bool        // only silence was received since
	since  media.Ticks // DTS
	muted  bool        // the broadcaster is warned
	sound  int         // consecutive frames with sound since then
}

// Began records that units of another track follow.
func (w *SoundWarnings) Began(sink Sink, t *media.Track) {
	muted := w.silence.muted
	w.Track, w.unconfigured, w.refused = t, 0, false
	w.silence = silence{judged: t.CodecString == aac.CodecLC && t.Channels <= 2 && t.ProgramConfig == nil}
	to, ok := sink.(Warner)
	if !ok {
		return
	}
	for _, code := range w.warned {
		to.ClearWarning(code)
	}
	w.warned = w.warned[:0]
	if muted {
		to.ClearWarning(WarnAudioMuted)
	}
	switch t.Codec {
	case media.Opus:
		w.warn(to, WarnAudioCodec, "the audio is Opus: older iPhones, Macs and televisions, from before Safari 17 (2023) or so, are silent or do not play the broadcast at all: "+
			"set the encoder to AAC to reach everybody")
	case media.MP3:
		w.warn(to, WarnAudioCodec, "the audio is MP3: Chrome and Edge do not play it with low latency: set the encoder to AAC")
	default:
	}
	if t.CodecString == aac.CodecHEv2 {
		w.warn(to, WarnHEAACv2, "the audio is HE-AAC v2 (parametric stereo): televisions, set-top boxes and older phones play it "+
			"in mono or without its high notes, or not at all; set the encoder's AAC profile to AAC-LC, or to HE-AAC (v1)")
	}
	if t.ProgramConfig != nil {
		w.warn(to, WarnAudioLayout, fmt.Sprintf("the %d channels of the audio have no standard layout: some players are silent, and "+
			"some do not play the broadcast at all; set the encoder to stereo or 5.1", t.Channels))
	}
}

// Check checks the next frame of Track, and adds and clears the warning about silence.
func (w *SoundWarnings) Check(u *media.AccessUnit, to Warner) {
	s := &w.silence
	if !s.judged {
		return
	}
	switch silent := aac.IsSilent(u.Data); {
	case !silent && !s.muted:
		s.began = false
	case !silent:
		if s.sound++; s.sound >= soundToClear {
			*s = silence{judged: true}
			to.ClearWarning(WarnAudioMuted)
		}
	case s.muted:
		s.sound = 0
	case !s.began:
		s.began, s.since = true, u.DTS
	case u.DTS-s.since >= mutedTime:
		s.muted = true
		to.Warn(Warning{WarnAudioMuted, fmt.Sprintf("the sound is nothing but digital silence, for more than %.0f s: "+
			"check that the microphone is not muted, and that the mixer sends it to the encoder", mutedTime.Seconds())})
	}
}

// Unconfigured records a frame that was received before its decoder configuration.
func (w *SoundWarnings) Unconfigured(sink Sink) {
	w.unconfigured++
	if to, ok := sink.(Warner); ok && w.unconfigured == maxUnconfigured {
		w.warn(to, WarnAudioConfigMissing, "the audio is dropped: the encoder sent no sequence header (AudioSpecificConfig, OpusHead), "+
			"without which it cannot be decoded; restart the stream, and send the header before the first frame")
	}
}

// Refused records that the audio is dropped because its codec is not supported; text names
// the codec and the setting.
func (w *SoundWarnings) Refused(sink Sink, text string) {
	if w.refused {
		return
	}
	w.refused, w.Track = true, nil // the next supported track calls Began
	if to, ok := sink.(Warner); ok {
		w.warn(to, WarnAudioUnsupported, text)
	}
}

func (w *SoundWarnings) warn(to Warner, code WarningCode, text string) {
	to.Warn(Warning{Code: code, Text: text})
	w.warned = append(w.warned, code)
}
