package hlscheck

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"path"
	"sync"
	"time"
)

// Options say how to follow. The zero value is a plain HLS player.
type Options struct {
	// Interval is the time between two plain reloads; 250 ms when 0. Rules about
	// time are judged with this much tolerance.
	Interval time.Duration
	// LowLatency uses blocking reloads where the playlist offers them, and fetches
	// the parts too.
	LowLatency bool
	// Probe asks the server what a low-latency player asks only now and then, once
	// or twice for each rendition: rules 32 to 39 and 41.
	Probe bool
	// Slack is what is added to the limit of rule 12, for the network's and this
	// machine's jitter; 100 ms when 0.
	Slack time.Duration
	// Behind is how far before the end of the first playlist to begin; 0 means at
	// its beginning.
	Behind time.Duration
	// Segments ends the following after so many segments of each rendition; 0
	// means at the end of the stream or of the context.
	Segments int
	// Discard drops the bytes once they are checked.
	Discard bool
}

// Follower follows one URL.
type Follower struct {
	fetcher
	url  string
	base string // what the multivariant playlist's URIs are relative to
	opts Options
	// text is the multivariant playlist; nil when there is none.
	text         []byte
	multivariant *Multivariant
	renditions   []*Rendition
	runs         []*run
}

// Open fetches url, a multivariant or media playlist, and gets ready to follow
// it. It fails when there is nothing to follow.
func Open(ctx context.Context, client *http.Client, url string, opts Options) (*Follower, error) {
	opts.Interval = cmp.Or(opts.Interval, 250*time.Millisecond)
	opts.Slack = cmp.Or(opts.Slack, 100*time.Millisecond)
	f := &Follower{fetcher: fetcher{client: client, found: &violations{}}, url: url, opts: opts}
	reply, err := f.get(ctx, request{url: url, kind: kindPlaylist})
	if err != nil {
		return nil, fmt.Errorf("open stream %s: %w", url, err)
	}
	if !bytes.Contains(reply.body, []byte("#EXT")) {
		return nil, fmt.Errorf("open stream %s: it is no playlist, and begins with %q", url, shorten(string(reply.body)))
	}
	f.base = reply.base
	if !isMultivariant(reply.body) {
		f.renditions = []*Rendition{{URL: url, Name: lastElement(url)}}
		f.found = &violations{} // its first reload sees the same
		return f, nil
	}
	f.readMultivariant(reply)
	if err := f.listRenditions(); err != nil {
		return nil, fmt.Errorf("open stream %s: %w", url, err)
	}
	return f, nil
}

// readMultivariant takes a multivariant playlist in.
func (f *Follower) readMultivariant(reply *reply) {
	m, wrong := ParseMultivariant(f.url, reply.body)
	others := &report{url: f.url}
	checkMultivariantReaders(others, reply.body, m)
	f.found.addAll("", reply.body, append(wrong, others.list...))
	f.checkPlaylistCache(f.url, reply, 0)
	f.text, f.multivariant = reply.body, m
}

// listRenditions finds the media playlists: those of variants, and those of
// EXT-X-MEDIA.
func (f *Follower) listRenditions() error {
	seen := map[string]bool{}
	add := func(r *Rendition) error {
		u, err := resolve(f.base, r.Name)
		if err == nil && !seen[u] {
			seen[u] = true
			r.URL = u
			f.renditions = append(f.renditions, r)
		}
		return err
	}
	for i := range f.multivariant.Variants {
		v := &f.multivariant.Variants[i]
		if err := add(&Rendition{Name: v.URI, Variant: v}); err != nil {
			return err
		}
	}
	for _, a := range f.multivariant.Media {
		if uri := a["URI"].Text; uri != "" {
			if err := add(&Rendition{Name: uri, Subtitles: a["TYPE"].Text == "SUBTITLES"}); err != nil {
				return err
			}
		}
	}
	if len(f.renditions) == 0 {
		return errors.New("the multivariant playlist names no rendition")
	}
	return nil
}

// Follow reads every rendition until its end, the end of ctx, or as many segments
// as were asked for. It fails when a rendition's first playlist cannot be had;
// whatever goes wrong later is a violation. It is called once.
func (f *Follower) Follow(ctx context.Context) (*Recording, error) {
	for _, r := range f.renditions {
		f.runs = append(f.runs, newRun(f, r))
	}
	errs := make([]error, len(f.runs))
	var wg sync.WaitGroup
	for i, n := range f.runs {
		wg.Go(func() { errs[i] = n.run(ctx) })
	}
	wg.Wait()
	f.conclude(ctx)
	return &Recording{
		URL: f.url, Multivariant: f.multivariant, Renditions: f.renditions, Violations: f.found.sorted(),
	}, errors.Join(errs...)
}

// conclude checks what can be told of the whole: rules 42 and 43.
func (f *Follower) conclude(ctx context.Context) {
	if f.multivariant == nil {
		return
	}
	// The end of ctx was the end of the following, not of the questions. Without an
	// answer the first one counts: the stream may be gone by now.
	if reply, err := f.get(context.WithoutCancel(ctx), request{url: f.url, kind: kindPlaylist, limit: patience / 2}); err == nil && isMultivariant(reply.body) {
		f.readMultivariant(reply)
	}
	f.checkBandwidth(f.text, f.multivariant)
	f.checkRenditions()
}

func resolve(base, ref string) (string, error) {
	b, err := url.Parse(base)
	if err != nil {
		return "", fmt.Errorf("resolve %q: %w", ref, err)
	}
	u, err := b.Parse(ref)
	if err != nil {
		return "", fmt.Errorf("resolve %q: %w", ref, err)
	}
	return u.String(), nil
}

// lastElement is the file name in a URL, to call a rendition by.
func lastElement(u string) string {
	if parsed, err := url.Parse(u); err == nil {
		return path.Base(parsed.Path)
	}
	return u
}
