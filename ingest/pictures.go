package ingest

import (
	"fmt"
	"slices"

	"golive/media"
)

const (
	// noKeyFrames is the time without a key frame, after none or only one, after which the
	// broadcaster is warned. Some encoders send one every 10 s by default.
	noKeyFrames = 12 * media.Second
	// closedToClear is the number of consecutive IDR pictures that clears the warnings about
	// other access points.
	closedToClear = 4
)

// Pictures warns the broadcaster of pictures that players have trouble with, because of
// their format or of the access points. It is used by one goroutine; its zero value is
// ready.
type Pictures struct {
	track          *media.Track
	formatWarnings []WarningCode // active warnings about the track's format

	since         media.Ticks // DTS of the first picture, or of the only key frame
	any           bool
	keys          int // key frames so far, at most 2
	noKeysWarned  bool
	closed        int // consecutive IDR pictures
	openWarned    bool
	gradualWarned bool
}

// Check checks the next picture, and adds and clears warnings.
func (p *Pictures) Check(u *media.AccessUnit, to Warner) {
	if u.Track != p.track {
		p.checkFormat(u.Track, to)
	}
	if u.Key {
		p.checkKey(u, to)
		return
	}
	switch {
	case !p.any || u.Discontinuity || u.DTS < p.since:
		p.since, p.any = u.DTS, true
	case p.keys < 2 && u.DTS-p.since >= noKeyFrames && !p.noKeysWarned:
		p.noKeysWarned = true
		say := fmt.Sprintf("no key frame was received in %s, so there is no picture yet", formatDuration(noKeyFrames.Duration()))
		if p.keys > 0 {
			say = fmt.Sprintf("no key frame was received in %s, after the first: viewers who join now see no picture", formatDuration(noKeyFrames.Duration()))
		}
		to.Warn(Warning{WarnNoKeyFrames, say + ": set the encoder's key frame interval to 2 s"})
	}
}

func (p *Pictures) checkFormat(t *media.Track, to Warner) {
	old := p.formatWarnings
	p.track, p.formatWarnings = t, nil
	for _, w := range playability(t) {
		p.formatWarnings = append(p.formatWarnings, w.Code)
		to.Warn(w)
	}
	for _, code := range old {
		if !slices.Contains(p.formatWarnings, code) {
			to.ClearWarning(code)
		}
	}
}

func (p *Pictures) checkKey(u *media.AccessUnit, to Warner) {
	if !p.any || p.keys == 0 || u.Discontinuity {
		p.since, p.any = u.DTS, true
	}
	p.keys = min(p.keys+1, 2)
	if p.noKeysWarned && p.keys == 2 {
		p.noKeysWarned = false
		to.ClearWarning(WarnNoKeyFrames)
	}
	switch u.Access {
	case media.AccessClosed:
		p.noteIDR(to)
		return
	case media.AccessOpen:
		if !p.openWarned && u.Track.Codec == media.H264 { // decoders of HEVC know what to skip
			p.openWarned = true
			to.Warn(Warning{WarnOpenGOP, "groups of pictures are open: they begin with recovery points, not with IDR pictures, and at the beginning of a segment the pictures shown just before them are replaced so that viewers can join there: switch open GOP off in the encoder (x264: open-gop=0)"})
		}
	case media.AccessGradual:
		if !p.gradualWarned {
			p.gradualWarned = true
			to.Warn(Warning{WarnIntraRefresh, "the encoder uses intra refresh and sends no key frames: browsers cannot join: switch it off (x264: intra-refresh=0) and set the key frame interval to 2 s"})
		}
	}
	p.closed = 0
}

// noteIDR clears the warnings about other access points after enough IDR pictures.
func (p *Pictures) noteIDR(to Warner) {
	if p.closed++; p.closed < closedToClear {
		return
	}
	if p.openWarned {
		p.openWarned = false
		to.ClearWarning(WarnOpenGOP)
	}
	if p.gradualWarned {
		p.gradualWarned = false
		to.ClearWarning(WarnIntraRefresh)
	}
}
