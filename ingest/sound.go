package ingest

import (
	"fmt"

	"golive/codec/aac"
	"golive/media"
)

// maxUnconfigured is how many audio frames in a row may come before the
// configuration of their decoder does until the broadcaster is told: a second of
// them at 48 kHz.
const maxUnconfigured = 47

// SoundWarnings tells the broadcaster of one session what is wrong with the sound.
// The zero value is ready. Its methods take the session's Sink, which shows warnings
// if it is a Warner.
type SoundWarnings struct {
	// Track is that of the last call of Began.
	Track *media.Track

	unconfigured int
	refused      bool
	warned       []WarningCode
}

// Began notes that units of another track than Track come now.
func (w *SoundWarnings) Began(sink Sink, t *media.Track) {
	w.Track, w.unconfigured, w.refused = t, 0, false
	to, ok := sink.(Warner)
	if !ok {
		return
	}
	for _, code := range w.warned {
		to.ClearWarning(code)
	}
	w.warned = w.warned[:0]
	if t.CodecString == aac.CodecHEv2 {
		w.warn(to, WarnHEAACv2, "the sound is HE-AAC v2 (parametric stereo): televisions, set-top boxes and older phones play it "+
			"in mono or without its high notes, or not at all; set the encoder's AAC profile to AAC-LC, or to HE-AAC (v1)")
	}
	if t.ProgramConfig != nil {
		w.warn(to, WarnAudioLayout, fmt.Sprintf("the %d channels of the sound have no standard layout: some players are silent, and "+
			"some do not play the broadcast at all; set the encoder to stereo or 5.1", t.Channels))
	}
}

// Unconfigured notes a frame that came before its decoder's configuration.
func (w *SoundWarnings) Unconfigured(sink Sink) {
	w.unconfigured++
	if to, ok := sink.(Warner); ok && w.unconfigured == maxUnconfigured {
		w.warn(to, WarnAudioConfigMissing, "the sound is dropped: the encoder sent no AAC sequence header (AudioSpecificConfig), "+
			"without which nobody can decode it; restart the stream, and send the header before the first frame")
	}
}

// Refused notes that the sound is dropped because it is not supported; text says
// what it is and what to set.
func (w *SoundWarnings) Refused(sink Sink, text string) {
	if w.refused {
		return
	}
	w.refused, w.Track = true, nil // when sound comes back it begins
	if to, ok := sink.(Warner); ok {
		w.warn(to, WarnAudioUnsupported, text)
	}
}

func (w *SoundWarnings) warn(to Warner, code WarningCode, text string) {
	to.Warn(Warning{Code: code, Text: text})
	w.warned = append(w.warned, code)
}
