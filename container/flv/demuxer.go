package flv

import (
	"golive/media"
)

const (
	kindVideo = "video"
	kindAudio = "audio"
)

// Demuxer turns the bodies of one publication's audio and video tags into
// access units. It is used by one goroutine.
type Demuxer struct {
	video videoState
	audio audioState
}

// NewDemuxer gives a demuxer that has seen nothing yet.
func NewDemuxer() *Demuxer { return &Demuxer{} }

// Video reads the body of a VIDEODATA tag (E.4.3), which is an RTMP message of
// type 9, with the decoding time its protocol gave it. u.PTS is that time plus the
// body's composition time, as it was sent: it can be before u.DTS.
//
// ok is false when the body holds nothing to decode: a configuration, an end of
// sequence, metadata, an empty frame, or an error. u.Data aliases body unless
// the NAL units had to be put into another form; u.Arrived is left zero.
//
// u.Track is the same pointer until the decoder configuration's bytes change,
// whether it changes in a configuration record or inside a key frame. u.Key
// says that the unit has an IDR picture or a recovery point, whatever the frame type
// claims; the frame type counts only for an intra picture that says nothing itself.
//
// Errors are ErrNoConfig, *SyntaxError and *UnsupportedError; after each of
// them the next body can be read.
func (d *Demuxer) Video(dts media.Ticks, body []byte) (u media.AccessUnit, ok bool, err error) {
	return d.video.read(dts, body)
}

// Audio reads the body of an AUDIODATA tag (E.4.2), which is an RTMP message of
// type 8. Its results are those of Video; every audio unit is a key unit.
//
// A body of AAC frames with ADTS headers may hold several of them: MoreAudio gives
// those behind the first.
func (d *Demuxer) Audio(dts media.Ticks, body []byte) (u media.AccessUnit, ok bool, err error) {
	return d.audio.read(dts, body)
}

// MoreAudio returns the next unit of the body that Audio was given last, timed by the
// samples before it; ok is false when there is none left. It is to be called after
// each unit of Audio.
func (d *Demuxer) MoreAudio() (u media.AccessUnit, ok bool) {
	u, ok, err := d.audio.nextADTS()
	return u, ok && err == nil
}

// ExtraTracks is how many video and audio tracks beside the first were seen in
// multitrack packets. Their packets are skipped.
func (d *Demuxer) ExtraTracks() (video, audio int) {
	return d.video.extra.count(), d.audio.extra.count()
}
