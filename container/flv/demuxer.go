package flv

import (
	"golive/media"
)

const (
	kindVideo = "video"
	kindAudio = "audio"
)

// MaxVideoTracks is the largest number of video tracks of one publication: track 0 and seven
// others. The packets of further ones are skipped.
const MaxVideoTracks = 8

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
// A multitrack body may hold units of several tracks: MoreVideo returns those after the first,
// also after an error.
//
// u.Track is the same pointer until the decoder configuration's bytes change,
// in a configuration record or inside a key frame. Its Number is 0 for the default track,
// which is that with the smallest id: track 0 if there is one. If a track with a smaller id
// begins late, it becomes the default track. u.Key is set if the unit has an IDR
// picture or a recovery point, whatever the frame type is; the frame type is only used
// for an intra picture without a recovery point.
//
// Errors are ErrNoConfig, *SyntaxError and *UnsupportedError; after each of
// them the next body can be read.
func (d *Demuxer) Video(dts media.Ticks, body []byte) (u media.AccessUnit, ok bool, err error) {
	return d.video.read(dts, body)
}

// MoreVideo returns the next unit of the body that was last passed to Video. Call it after each
// unit and each error of Video and of itself; if ok is false and err is nil, nothing is left.
// Its results are those of Video.
func (d *Demuxer) MoreVideo() (u media.AccessUnit, ok bool, err error) { return d.video.next() }

// Audio reads the body of an AUDIODATA tag (E.4.2), which is an RTMP message of
// type 8. Its results are those of Video; every audio unit is a key unit.
//
// Of several tracks one is used, the default track of audio; see Video.
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

// SkippedTracks returns the number of tracks whose packets are skipped: video tracks beyond
// MaxVideoTracks, and audio tracks beside the one that is used.
func (d *Demuxer) SkippedTracks() (video, audio int) {
	return d.video.skipped.count(), d.audio.skipped()
}
