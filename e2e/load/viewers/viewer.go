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

// viewer is one player. It sends one request at a time, on one connection.
type viewer struct {
	to      *url.URL
	from    net.Addr
	headers string
	tally   *tally
	lists   *playlists

	conn     *connection
	deadline time.Time     // of conn
	next     position      // everything before it was fetched
	began    time.Time     // when playback began
	stalled  time.Duration // duration of stalls since
	media    time.Duration // duration of fetched media
	delays   []time.Duration
}

// watch runs until ctx is done. After an error it starts again, a little later.
func (v *viewer) watch(ctx context.Context, mode string) {
	for ctx.Err() == nil {
		err := v.try(ctx, mode)
		if ctx.Err() != nil {
			return
		}
		v.tally.failed(kindOf(err))
		sleep(ctx, time.Second)
	}
}

// try runs until an error.
func (v *viewer) try(ctx context.Context, mode string) (err error) {
	if v.conn, err = dial(ctx, v.from, v.to.Host); err != nil {
		return err
	}
	// A read that waits must end with ctx.
	stop := context.AfterFunc(ctx, func() { _ = v.conn.conn.Close() })
	defer func() {
		stop()
		_ = v.conn.conn.Close() // twice at most
	}()
	v.deadline, v.began, v.stalled, v.media, v.delays = time.Time{}, time.Time{}, 0, 0, nil
	defer v.countDelays()
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

// hammer requests the same resource repeatedly.
func (v *viewer) hammer(ctx context.Context) error {
	for ctx.Err() == nil {
		if err := v.fetch(v.to.Path); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// slow reads a byte per second until it is disconnected.
func (v *viewer) slow(ctx context.Context) error {
	if err := v.conn.ask(v.to.Path, v.headers); err != nil {
		return err
	}
	for one := make([]byte, 1); sleep(ctx, time.Second); {
		if _, err := v.conn.conn.Read(one); err != nil {
			v.tally.cut.Add(1)
			<-ctx.Done()
		}
	}
	return ctx.Err()
}

// plain follows the segments, reloading after a target duration, or half of it if there was
// nothing new (RFC 8216bis section 6.3.4).
func (v *viewer) plain(ctx context.Context) error {
	const behind = 3 // targets
	l, err := v.load(v.to.Path, false)
	if err != nil {
		return err
	}
	v.next = startPosition(l.segments, behind*l.target)
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
		if !sleep(ctx, wait-time.Since(loaded)) {
			return ctx.Err()
		}
		if l, err = v.load(v.to.Path, false); err != nil {
			return err
		}
	}
}

// lowLatency follows the parts, as hls.js does, with blocking reloads and delta updates. The
// parts are only fetched if fetch is set.
func (v *viewer) lowLatency(ctx context.Context, fetch bool) error {
	l, err := v.load(v.to.Path, false)
	if err != nil {
		return err
	}
	v.next = startPosition(l.parts, l.holdBack)
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

// load requests a playlist; blocked is set for a blocking reload.
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
		v.noteListed(now, l)
	} else if now.After(v.tally.from) {
		v.tally.playlist.add(now.Sub(asked))
	}
	if l.ended {
		return nil, errors.New("ended")
	}
	return l, nil
}

// noteListed records when the newest part was listed, relative to media time.
func (v *viewer) noteListed(now time.Time, l *list) {
	end := v.media
	for _, p := range l.parts {
		if !p.at.before(v.next) {
			end += p.duration
		}
	}
	if now.After(v.tally.from) && !v.began.IsZero() {
		v.delays = append(v.delays, now.Sub(v.began)-end)
	}
}

// countDelays counts the delays of parts. The constant delay of encoder and network is not known,
// so the least delay counts as 0.
func (v *viewer) countDelays() {
	if len(v.delays) == 0 {
		return
	}
	best := slices.Min(v.delays)
	for _, t := range v.delays {
		v.tally.late.add(t - best)
	}
}

// fetchNew fetches items that were not fetched yet, and counts when a player would have stalled.
func (v *viewer) fetchNew(items []item) (fetched int, err error) {
	if len(items) > 0 && v.next.before(items[0].at) {
		return 0, errors.New("missed")
	}
	for _, i := range items {
		if i.at.before(v.next) {
			continue
		}
		if err := v.fetch(path.Dir(v.to.Path) + "/" + i.uri); err != nil {
			return fetched, err
		}
		fetched++
		v.next = position{i.at.msn, i.at.part + 1}
		now := time.Now()
		if v.began.IsZero() {
			v.began = now
		}
		if now.Sub(v.began)-v.stalled > v.media {
			v.stalled = now.Sub(v.began) - v.media
			if now.After(v.tally.from) {
				v.tally.stalls.Add(1)
			}
		}
		v.media += i.duration
	}
	return fetched, nil
}

// fetch requests a resource and discards it.
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

// ask sends a request, and fails if the response is not successful.
func (v *viewer) ask(now time.Time, target string, keep bool) (response, error) {
	if v.deadline.Sub(now) < responseTimeout { // setting it rarely is cheaper
		v.deadline = now.Add(2 * responseTimeout)
		if err := v.conn.conn.SetDeadline(v.deadline); err != nil {
			return response{}, err
		}
	}
	a, err := v.conn.get(target, v.headers, keep)
	if err == nil && a.status != 200 {
		err = statusError(a.status)
	}
	return a, err
}
