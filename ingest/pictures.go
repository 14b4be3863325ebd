package ingest

import (
	"fmt"
	"slices"

	"golive/media"
)

const (
	// noKeyFrames is how long no key frame comes, after none or only one, until
	// the broadcaster is told. Encoders that send one every 10 s do it by default.
	noKeyFrames = 12 * media.Second
	// closedAgain is how many IDR pictures in a row end what was told of others.
	closedAgain = 4
)

// Pictures tells the broadcaster what viewers' players will make of a session's
// pictures: of their format, and of the places where decoding can start. It is used
// by one goroutine; its zero value has seen nothing.
type Pictures struct {
	track *media.Track
	told  []WarningCode // of the track's format

	since   media.Ticks // the first picture, or the only key frame
	any     bool
	keys    int // key frames so far, at most 2
	noKeys  bool
	closed  int // IDR pictures in a row
	open    bool
	gradual bool
}

// Check looks at the next picture, and tells to what has begun or is over.
func (p *Pictures) Check(u *media.AccessUnit, to Warner) {
	if u.Track != p.track {
		p.format(u.Track, to)
	}
	if u.Key {
		p.key(u, to)
		return
	}
	switch {
	case !p.any || u.Discontinuity || u.DTS < p.since:
		p.since, p.any = u.DTS, true
	case p.keys < 2 && u.DTS-p.since >= noKeyFrames && !p.noKeys:
		p.noKeys = true
		say := fmt.Sprintf("no key frame came in %s, so there is no picture yet", text(noKeyFrames.Duration()))
		if p.keys > 0 {
			say = fmt.Sprintf("no key frame came in %s, after the first: who joins now sees no picture", text(noKeyFrames.Duration()))
		}
		to.Warn(Warning{WarnNoKeyFrames, say + ": set the encoder's key frame interval to 2 s"})
	}
}

func (p *Pictures) format(t *media.Track, to Warner) {
	old := p.told
	p.track, p.told = t, nil
	for _, w := range playability(t) {
		p.told = append(p.told, w.Code)
		to.Warn(w)
	}
	for _, code := range old {
		if !slices.Contains(p.told, code) {
			to.ClearWarning(code)
		}
	}
}

func (p *Pictures) key(u *media.AccessUnit, to Warner) {
	if !p.any || p.keys == 0 || u.Discontinuity {
		p.since, p.any = u.DTS, true
	}
	p.keys = min(p.keys+1, 2)
	if p.noKeys && p.keys == 2 {
		p.noKeys = false
		to.ClearWarning(WarnNoKeyFrames)
	}
	switch u.Access {
	case media.AccessClosed:
		p.idr(to)
		return
	case media.AccessOpen:
		if !p.open {
			p.open = true
			to.Warn(Warning{WarnOpenGOP, "groups of pictures are open: they begin with recovery points, not with IDR pictures, and where a segment begins the pictures shown just before them are replaced, or viewers could not join there: switch open GOP off in the encoder (x264: open-gop=0)"})
		}
	case media.AccessGradual:
		if !p.gradual {
			p.gradual = true
			to.Warn(Warning{WarnIntraRefresh, "the encoder refreshes pictures bit by bit (intra refresh) and sends no key frames: browsers cannot join: switch it off (x264: intra-refresh=0) and set the key frame interval to 2 s"})
		}
	}
	p.closed = 0
}

// idr ends what was told of other key frames, when no more come.
func (p *Pictures) idr(to Warner) {
	if p.closed++; p.closed < closedAgain {
		return
	}
	if p.open {
		p.open = false
		to.ClearWarning(WarnOpenGOP)
	}
	if p.gradual {
		p.gradual = false
		to.ClearWarning(WarnIntraRefresh)
	}
}
