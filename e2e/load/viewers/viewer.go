package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"path"
	"slices"
	"time"
)

// viewer is one player. It asks for one thing after the other, on one connection.
type viewer struct {
	to      *url.URL
	from    net.Addr
	headers string
	tally   *tally
	lists   *playlists

	conn     *connection
	deadline time.Time     // of conn
	had      position      // what is fetched is before it
	began    time.Time     // when the picture began to move
	stood    time.Duration // that it has stood still since
	media    time.Duration // that was fetched
	heard    []time.Duration
}

// watch goes on until ctx is done. After something that should not happen it begins
// anew, a little later.
func (v *viewer) watch(ctx context.Context, mode string) {
	for ctx.Err() == nil {
		err := v.try(ctx, mode)
		if ctx.Err() != nil {
			return
		}
		v.tally.failed(kindOf(err))
		rest(ctx, time.Second)
	}
}

// try ends with an error, and only with one.
func (v *viewer) try(ctx context.Context, mode string) (err error) {
	if v.conn, err = dial(ctx, v.from, v.to.Host); err != nil {
		return err
	}
	// A read that waits must end with ctx.
	stop := context.AfterFunc(ctx, func() { _ = v.conn.conn.Close() })
	defer func() {
		stop()
		_ = v.conn.conn.Close() // twice at the most
	}()
	v.deadline, v.began, v.stood, v.media, v.heard = time.Time{}, time.Time{}, 0, 0, nil
	defer v.tellHeard()
	switch mode {
	case "ll":
		return v.lowLatency(ctx, true)
	case "wait":
		return v.lowLatency(ctx, false)
	case "plain":
		return v.plain(ctx)
	case "hammer":
		return v.hammer(ctx)
	case "slow":
		return v.slow(ctx)
	}
	return fmt.Errorf("there is no mode %q", mode)
}

// hammer asks for the same thing as soon as it is there.
func (v *viewer) hammer(ctx context.Context) error {
	for ctx.Err() == nil {
		if err := v.fetch(v.to.Path); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// slow reads a byte a second of what it asked for, until it is cut off, as it must be.
func (v *viewer) slow(ctx context.Context) error {
	if err := v.conn.ask(v.to.Path, v.headers); err != nil {
		return err
	}
	for one := make([]byte, 1); rest(ctx, time.Second); {
		if _, err := v.conn.conn.Read(one); err != nil {
			v.tally.cut.Add(1)
			<-ctx.Done()
		}
	}
	return ctx.Err()
}

// plain follows the segments: a reload each target, or half a one when there was
// nothing new (RFC 8216bis section 6.3.4).
func (v *viewer) plain(ctx context.Context) error {
	const behind = 3 // targets
	l, err := v.load(v.to.Path, false)
	if err != nil {
		return err
	}
	v.had = begin(l.segments, behind*l.target)
	for {
		loaded := time.Now()
		fetched, err := v.fetchNew(l.segments)
		if err != nil {
			return err
		}
		wait := l.target
		if fetched == 0 {
			wait /= 2
		}
		if !rest(ctx, wait-time.Since(loaded)) {
			return ctx.Err()
		}
		if l, err = v.load(v.to.Path, false); err != nil {
			return err
		}
	}
}

// lowLatency follows the parts, as hls.js does: each playlist is asked for before its
// newest part exists, and after the first one only what is new of it. The parts need
// not be fetched.
func (v *viewer) lowLatency(ctx context.Context, fetch bool) error {
	l, err := v.load(v.to.Path, false)
	if err != nil {
		return err
	}
	v.had = begin(l.parts, l.holdBack)
	for ctx.Err() == nil {
		if fetch {
			if _, err := v.fetchNew(l.parts); err != nil {
				return err
			}
		}
		want := l.next
		target := fmt.Sprintf("%s?_HLS_msn=%d&_HLS_part=%d", v.to.Path, want.msn, want.part)
		if l.canSkip {
			target += "&_HLS_skip=YES"
		}
		if l, err = v.load(target, true); err != nil {
			return err
		}
		if !want.before(l.next) {
			return errors.New("stale")
		}
	}
	return ctx.Err()
}

// load asks for a playlist, which may have to wait for its media.
func (v *viewer) load(target string, blocked bool) (*list, error) {
	asked := time.Now()
	a, err := v.ask(asked, target, true)
	if err != nil {
		return nil, err
	}
	l, err := v.lists.read(a)
	if err != nil {
		return nil, err
	}
	now := time.Now()
	v.tally.answered(now, a.length)
	if blocked {
		v.hear(now, l)
	} else if now.After(v.tally.from) {
		v.tally.playlist.add(now.Sub(asked))
	}
	if l.ended {
		return nil, errors.New("ended")
	}
	return l, nil
}

// hear notes when the newest part was heard of, on the clock of the media.
func (v *viewer) hear(now time.Time, l *list) {
	end := v.media
	for _, p := range l.parts {
		if !p.at.before(v.had) {
			end += p.duration
		}
	}
	if now.After(v.tally.from) && !v.began.IsZero() {
		v.heard = append(v.heard, now.Sub(v.began)-end)
	}
}

// tellHeard counts how late parts were heard of. What the encoder and the network
// take in any case is unknown here, so the viewer's own best counts as nothing.
func (v *viewer) tellHeard() {
	if len(v.heard) == 0 {
		return
	}
	best := slices.Min(v.heard)
	for _, t := range v.heard {
		v.tally.late.add(t - best)
	}
}

// fetchNew fetches what is listed and was not fetched yet, and notes when a player
// would have stood still for it.
func (v *viewer) fetchNew(items []item) (fetched int, err error) {
	if len(items) > 0 && v.had.before(items[0].at) {
		return 0, errors.New("missed")
	}
	for _, i := range items {
		if i.at.before(v.had) {
			continue
		}
		if err := v.fetch(path.Dir(v.to.Path) + "/" + i.uri); err != nil {
			return fetched, err
		}
		fetched++
		v.had = position{i.at.msn, i.at.part + 1}
		now := time.Now()
		if v.began.IsZero() {
			v.began = now
		}
		if now.Sub(v.began)-v.stood > v.media {
			v.stood = now.Sub(v.began) - v.media
			if now.After(v.tally.from) {
				v.tally.stalls.Add(1)
			}
		}
		v.media += i.duration
	}
	return fetched, nil
}

// fetch gets a part or segment, or whatever it is, and throws it away.
func (v *viewer) fetch(target string) error {
	asked := time.Now()
	a, err := v.ask(asked, target, false)
	if err != nil {
		return err
	}
	if now := time.Now(); now.After(v.tally.from) {
		v.tally.media.add(now.Sub(asked))
		v.tally.answered(now, a.length)
	}
	return nil
}

// ask asks, and takes a good answer only.
func (v *viewer) ask(now time.Time, target string, keep bool) (answer, error) {
	if v.deadline.Sub(now) < answerTime { // moved once in a while: that is cheaper
		v.deadline = now.Add(2 * answerTime)
		if err := v.conn.conn.SetDeadline(v.deadline); err != nil {
			return answer{}, err
		}
	}
	a, err := v.conn.get(target, v.headers, keep)
	if err == nil && a.status != 200 {
		err = statusError(a.status)
	}
	return a, err
}
