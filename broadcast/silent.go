package broadcast

import (
	"fmt"

	"golive/ingest"
	"golive/media"
)

// silentTracks are the tracks that the broadcaster was warned about.
type silentTracks struct{ video, audio bool }

// noteSilence warns of a track that has stopped while the other continues, and removes the
// warning when it resumes.
func (r *sourceRendition) noteSilence() {
	video, audio := r.segmenter.Silent()
	if r.silent == (silentTracks{video, audio}) {
		return
	}
	r.warnWhile(video, r.silent.video, ingest.Warning{
		Code: ingest.WarnVideoSilent,
		Text: "the encoder sends sound and no pictures: viewers see the last key frame; check the camera and the video encoder",
	})
	r.warnWhile(audio, r.silent.audio, ingest.Warning{
		Code: ingest.WarnAudioSilent,
		Text: "the encoder sends pictures and no sound: viewers hear silence; check the microphone and the audio encoder",
	})
	r.silent = silentTracks{video, audio}
}

// warnWhile shows a warning when its condition begins, and removes it when it ends.
func (r *sourceRendition) warnWhile(now, before bool, w ingest.Warning) {
	switch {
	case now && !before:
		r.warnings.add(w)
	case before && !now:
		r.warnings.remove(w.Code)
	}
}

// warnNotInMPEGTS warns of tracks that MPEG-TS cannot carry.
func (r *sourceRendition) warnNotInMPEGTS() {
	video, audio := r.segmenter.Tracks()
	tracks := [2]*media.Track{video, audio}
	if tracks == r.warnedTracks {
		return
	}
	r.warnedTracks = tracks
	carriedVideo, carriedAudio := media.MPEGTS.Carried(video, audio)
	w := ingest.Warning{Code: ingest.WarnNotInMPEGTS}
	switch {
	case carriedVideo == video && carriedAudio == audio:
		r.warnings.remove(w.Code)
		return
	case carriedVideo != nil:
		w.Text = fmt.Sprintf("MPEG-TS does not carry %s: the recording, the replay and ts.m3u8 have no sound: set the encoder to AAC", audio.Codec)
	case carriedAudio != nil:
		w.Text = fmt.Sprintf("MPEG-TS does not carry %s: the recording, the replay and ts.m3u8 have no picture: set the encoder to H.264", video.Codec)
	default:
		w.Text = "MPEG-TS does not carry the codecs: there is no recording, no replay and no ts.m3u8: set the encoder to H.264 and AAC"
	}
	r.warnings.add(w)
}
