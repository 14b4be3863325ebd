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

// NewDemuxer returns a Demuxer for a new publication.
func NewDemuxer() *Demuxer { return &Demuxer{} }

// Video reads the body of a VIDEODATA tag (E.4.3), which is an RTMP message of
// type 9, with the decoding time from its protocol. u.PTS is that time plus the body's
// composition time as it was sent: it can be before u.DTS.
//
// ok is false if the body holds nothing to decode: a configuration, an end of sequence,
// metadata, an empty frame, or an error. u.Data aliases body unless the NAL units had to
// be converted; u.Arrived is left zero.
//
// u.Track is the same pointer until the decoder configuration's bytes change,
// in a configuration record or inside a key frame. u.Key is set if the unit has an IDR
// picture or a recovery point, whatever the frame type is; the frame type is only used
// for an intra picture without a recovery point.
//
// Errors are ErrNoConfig, *SyntaxError and *UnsupportedError; after each of
// them the next body can be read.
func (d *Demuxer) Video(dts media.Ticks, body []byte) (u media.AccessUnit, ok bool, err error) {
	return d.video.read(dts, body)
}

// Audio reads the body of an AUDIODATA tag (E.4.2), which is an RTMP message of
// type 8. Its results are those of Video; every audio unit is a key unit.
//
// A body of AAC frames with ADTS headers, or of MP3, may hold several frames: MoreAudio returns
// those after the first.
func (d *Demuxer) Audio(dts media.Ticks, body []byte) (u media.AccessUnit, ok bool, err error) {
	return d.audio.read(dts, body)
}

// MoreAudio returns the next unit of the body that was last passed to Audio, timed by the
// samples before it; ok is false if none is left. Call it after each unit of Audio.
func (d *Demuxer) MoreAudio() (u media.AccessUnit, ok bool) {
	u, ok, err := d.audio.next()
	return u, ok && err == nil
}

// ExtraTracks returns the number of video and audio tracks, beside the first of each, that
// were seen in multitrack packets. Their packets are skipped.
func (d *Demuxer) ExtraTracks() (video, audio int) {
	return d.video.extra.count(), d.audio.extra.count()
}
