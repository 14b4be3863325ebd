package whip

import (
	"encoding/base64"
	"errors"
	"strings"
	"time"

	"github.com/pion/webrtc/v4"

	"golive/codec/h264"
	"golive/container/flv"
	"golive/ingest"
	"golive/media"
)

const (
	// videoRate is the clock rate of H.264 in RTP, in Hz.
	videoRate = 90_000
	// videoWait is how long a missing packet of video is waited for: it is requested again after a
	// few milliseconds, and comes a round trip later.
	videoWait = 250 * time.Millisecond
	// keyInterval is the time from a key frame to the request for the next. Senders make none by
	// themselves.
	keyInterval = 2 * time.Second
	// firstKeyInterval is that of the first one: viewers wait for the first segment.
	firstKeyInterval = 600 * time.Millisecond
	// keyRepeat is the time between two requests for the same key frame.
	keyRepeat = 500 * time.Millisecond
	// maxFrozen is how long pictures are dropped after a loss while no key frame comes. A sender that
	// makes none on request shows what its viewers' decoders make of it.
	maxFrozen = 3 * time.Second
)

// video writes the pictures of one track to a Session.
type video struct {
	session *ingest.Session
	clock   rtpClock
	join    joiner

	packets reorderer
	pieces  assembler
	demux   *flv.Demuxer
	dts     media.Ticks // of the last picture
	// audioFollows is set while sound of the first pictures' time is being converted.
	audioFollows bool

	frozen    bool      // pictures are dropped until a key frame
	frozenAt  time.Time // since then
	keys      int       // key frames so far
	lastKey   time.Time // when the last one was complete
	requested time.Time // when the last one was requested
}

func newVideo(session *ingest.Session, limit int, memory *ingest.MessageShare) *video {
	return &video{
		session: session, clock: rtpClock{rate: videoRate},
		packets: reorderer{wait: videoWait}, pieces: assembler{limit: limit, memory: memory},
		demux: flv.NewDemuxer(), frozen: true,
	}
}

// configure takes the parameter sets of the codec that is used, if the offer has them.
func (v *video) configure(c webrtc.RTPCodecParameters) {
	body := parameterSets(parameter(c.SDPFmtpLine, "sprop-parameter-sets"))
	if body == nil {
		return
	}
	if _, _, err := v.demux.Video(0, body); err != nil {
		v.session.Log().Debug("parameter sets of the offer ignored", "err", err)
	}
}

// push takes a packet, which was received that long after the session began.
func (v *video) push(p arrival, after time.Duration) {
	v.clock.begin(p.Timestamp, after)
	if v.lastKey.IsZero() {
		v.lastKey, v.frozenAt = p.at, p.at
	}
	v.packets.push(p)
}

// write writes the pictures that are complete. An error ends the session.
func (v *video) write(now time.Time) error {
	for {
		p, lost, ok := v.packets.pop(now)
		if !ok {
			return nil
		}
		if err := v.pieces.add(p, lost, func(a assembly) error { return v.picture(a, now) }); err != nil {
			return err
		}
	}
}

// picture writes a picture. One that is damaged is dropped, and all after it that may refer to it.
func (v *video) picture(a assembly, now time.Time) error {
	at := v.clock.unwrap(a.time)
	if a.damaged {
		v.session.Skip(ingest.SkipSyntax)
		v.freeze(now)
		return nil
	}
	u, ok, err := v.demux.Video(0, a.body)
	switch {
	case err != nil:
		reason := ingest.SkipSyntax
		if errors.Is(err, flv.ErrNoConfig) {
			reason = ingest.SkipNoConfig
		}
		v.session.Skip(reason)
		v.freeze(now)
		return nil
	case !ok:
		v.session.MediaReceived(now)
		return nil
	case u.Key:
		v.frozen, v.lastKey = false, now
		v.keys++
	case v.frozen && (now.Sub(v.frozenAt) < maxFrozen || v.dts == 0): // nothing begins without a key frame
		v.session.Skip(ingest.SkipSyntax)
		v.session.MediaReceived(now)
		return nil
	}
	// RTP has no decoding times: pictures are decoded in the order in which they come.
	u.PTS = v.join.correct(v.clock.ticks(at))
	v.dts = max(v.dts+1, u.PTS)
	u.DTS, u.Arrived, u.AudioFollows = v.dts, now, v.audioFollows
	return v.session.Write(u)
}

// freeze drops pictures until the next key frame.
func (v *video) freeze(now time.Time) {
	if !v.frozen {
		v.frozen, v.frozenAt = true, now
	}
}

// needsKey reports whether a key frame is to be requested now.
func (v *video) needsKey(now time.Time) bool {
	interval := keyInterval
	if v.keys == 1 {
		interval = firstKeyInterval
	}
	if !v.clock.begun || now.Sub(v.requested) < keyRepeat || !v.frozen && now.Sub(v.lastKey) < interval {
		return false
	}
	v.requested = now
	return true
}

// parameterSets returns the FLV tag with the parameter sets of the parameter sprop-parameter-sets (RFC
// 6184 section 8.1), or nil if there are none.
func parameterSets(sprop string) []byte {
	const avc, configuration = 0x17, 0
	body := []byte{avc, configuration, 0, 0, 0}
	found := 0
	for _, nal := range decodeSets(sprop) {
		if t := h264.Type(nal); t == h264.SPS || t == h264.PPS {
			body = append(append(body, 0, 0, 0, 1), nal...)
			found |= 1 << t
		}
	}
	if found != 1<<h264.SPS|1<<h264.PPS {
		return nil
	}
	return body
}

// decodeSets returns the NAL units of a list in base64.
func decodeSets(list string) (nals [][]byte) {
	for one := range strings.SplitSeq(list, ",") {
		if nal, err := base64.StdEncoding.DecodeString(one); err == nil && len(nal) > 0 {
			nals = append(nals, nal)
		}
	}
	return nals
}
