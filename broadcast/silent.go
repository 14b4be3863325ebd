package broadcast

import "golive/ingest"

// silentTracks are the tracks of which the broadcaster was warned.
type silentTracks struct{ video, audio bool }

// noteSilence warns of a track that stopped while the other continues, and removes the
// warning when it continues, too.
func (r *Rendition) noteSilence() {
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
func (r *Rendition) warnWhile(now, before bool, w ingest.Warning) {
	switch {
	case now && !before:
		r.warnings.add(w)
	case before && !now:
		r.warnings.remove(w.Code)
	}
}
