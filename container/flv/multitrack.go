package flv

import (
	"errors"

	"golive/media"
)

// maxExtraVideo is the largest number of video tracks beside track 0.
const maxExtraVideo = MaxVideoTracks - 1

// videoState is the demuxer's state of the video tracks.
type videoState struct {
	first videoTrack    // track 0, and the track of bodies without a track id
	extra []*videoTrack // the others, in the order in which they were seen
	// skipped are the tracks beyond MaxVideoTracks.
	skipped trackSet

	// The rest of the body that is being read, and the decoding time and key frame flag of its
	// pictures.
	rest exPackets
	tag  picture
}

// read returns the first unit of a body.
func (v *videoState) read(dts media.Ticks, body []byte) (u media.AccessUnit, ok bool, err error) {
	v.rest.end()
	if len(body) == 0 {
		return u, false, nil
	}
	frame := body[0] >> 4 & 7
	if frame == frameCommand {
		return u, false, nil
	}
	p := picture{dts: dts, marked: frame == frameKey}
	if body[0]&videoEnhanced != 0 {
		v.tag = p
		if err := v.rest.begin("video tag header", body, exVideoMultitrack); err != nil {
			return u, false, err
		}
		return v.next()
	}
	switch id := body[0] & 0x0f; id {
	case videoAVC:
		return v.first.readLegacy(media.H264, p, body)
	case videoHEVC:
		return v.first.readLegacy(media.HEVC, p, body)
	default:
		return u, false, refuseVideoID(id)
	}
}

// next returns the next unit of the enhanced body that was last read.
func (v *videoState) next() (u media.AccessUnit, ok bool, err error) {
	for v.rest.pending && !ok && err == nil {
		var ex exPacket
		if ex, ok, err = v.rest.next(); ok {
			u, ok, err = v.packet(ex)
		}
	}
	return u, ok, err
}

// packet returns the unit in a packet.
func (v *videoState) packet(ex exPacket) (u media.AccessUnit, ok bool, err error) {
	codec, err := videoCodec(ex.codec)
	if err != nil {
		return u, false, ofTrack(err, ex.track)
	}
	t := v.track(ex.track)
	if t == nil {
		return u, false, nil
	}
	u, ok, err = t.readEnhanced(codec, v.tag, ex)
	if n := v.numberOf(t); ok && n != 0 {
		t.number(&u, n)
	}
	return u, ok, ofTrack(err, ex.track)
}

// track returns the state of the track with that id, or nil if there are too many.
func (v *videoState) track(id byte) *videoTrack {
	if id == 0 {
		return &v.first
	}
	for _, t := range v.extra {
		if t.id == id {
			return t
		}
	}
	if len(v.extra) == maxExtraVideo {
		v.skipped.add(id)
		return nil
	}
	t := &videoTrack{id: id}
	v.extra = append(v.extra, t)
	return t
}

// numberOf returns the number of a track: its id, or 0 if it is the default track.
//
// Enhanced RTMP v2 recommends id 0 for the track of the highest quality, and larger ids for
// lower ones. Therefore the default track is that with the smallest id so far.
func (v *videoState) numberOf(t *videoTrack) int {
	if t.id == 0 {
		return 0
	}
	if v.first.reader != nil {
		return int(t.id)
	}
	for _, other := range v.extra {
		if other.id < t.id && other.reader != nil {
			return int(t.id)
		}
	}
	return 0
}

// ofTrack sets the track id of an *UnsupportedError.
func ofTrack(err error, id byte) error {
	if err == nil || id == 0 {
		return err
	}
	if e, ok := errors.AsType[*UnsupportedError](err); ok {
		refused := *e
		refused.TrackID = int(id)
		return &refused
	}
	return err
}
