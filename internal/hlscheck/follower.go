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

// Options configures a Follower. The zero value is a player without low latency.
type Options struct {
	// Interval is the time between two non-blocking reloads; 250 ms if it is 0. It is also the
	// tolerance of rules about time.
	Interval time.Duration
	// LowLatency uses blocking reloads if the playlist offers them, and fetches parts too.
	LowLatency bool
	// Probe makes requests that a low-latency player makes rarely, once or twice for each
	// rendition: rules 32 to 39 and 41.
	Probe bool
	// Slack is added to the limit of rule 12, for the jitter of the network and of this
	// machine; 100 ms if it is 0.
	Slack time.Duration
	// Behind is how far before the end of the first playlist to begin; 0 means at its
	// beginning.
	Behind time.Duration
	// Segments is the number of segments of each rendition after which to stop; 0 means at the
	// end of the stream or of the context.
	Segments int
	// Discard drops the bytes after they were checked.
	Discard bool
}

// Follower follows one URL.
type Follower struct {
	fetcher
	url  string
	base string // base URL of the multivariant playlist's URIs
	opts Options
	// text is the multivariant playlist; nil if there is none.
	text         []byte
	multivariant *Multivariant
	renditions   []*Rendition
	runs         []*run
}

// Open fetches url, a multivariant or media playlist, and returns a Follower for it. It fails
// if there is nothing to follow.
func Open(ctx context.Context, client *http.Client, url string, opts Options) (*Follower, error) {
	opts.Interval = cmp.Or(opts.Interval, 250*time.Millisecond)
	opts.Slack = cmp.Or(opts.Slack, 100*time.Millisecond)
	f := &Follower{fetcher: fetcher{client: client, found: &violations{}}, url: url, opts: opts}
	reply, err := f.get(ctx, request{url: url, kind: kindPlaylist})
	if err != nil {
		return nil, fmt.Errorf("open stream %s: %w", url, err)
	}
	if !bytes.Contains(reply.body, []byte("#EXT")) {
		return nil, fmt.Errorf("open stream %s: it is not a playlist, and begins with %q", url, shorten(string(reply.body)))
	}
	f.base = reply.base
	if !isMultivariant(reply.body) {
		f.renditions = []*Rendition{{URL: url, Name: lastElement(url)}}
		f.found = &violations{} // its first reload reports the same
		return f, nil
	}
	f.readMultivariant(reply)
	if err := f.listRenditions(); err != nil {
		return nil, fmt.Errorf("open stream %s: %w", url, err)
	}
	return f, nil
}

// readMultivariant parses and checks a multivariant playlist.
func (f *Follower) readMultivariant(reply *reply) {
	m, wrong := ParseMultivariant(f.url, reply.body)
	others := &report{url: f.url}
	checkMultivariantReaders(others, reply.body, m)
	f.found.addAll("", reply.body, append(wrong, others.list...))
	f.checkPlaylistCache(f.url, reply, 0)
	f.text, f.multivariant = reply.body, m
}

// listRenditions adds the renditions of the variants and of EXT-X-MEDIA.
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

// Follow follows every rendition until its end, the end of ctx, or Options.Segments. It fails
// if the first playlist of a rendition cannot be fetched; later failures are violations. It
// must be called once.
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
	f.checkWhole(ctx)
	return &Recording{
		URL: f.url, Multivariant: f.multivariant, Renditions: f.renditions, Violations: f.found.sorted(),
	}, errors.Join(errs...)
}

// checkWhole checks rules 42 and 43, which need the whole recording.
func (f *Follower) checkWhole(ctx context.Context) {
	if f.multivariant == nil {
		return
	}
	first := f.multivariant
	// ctx may be done by now: use another one. If the playlist cannot be fetched again, use the
	// first one: the stream may have been removed.
	if reply, err := f.get(context.WithoutCancel(ctx), request{url: f.url, kind: kindPlaylist, limit: defaultTimeout / 2}); err == nil && isMultivariant(reply.body) {
		f.readMultivariant(reply)
	}
	f.checkBandwidth(f.text, f.multivariant)
	f.checkCodecs(first, f.multivariant)
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

// lastElement returns the file name in a URL, to name a rendition.
func lastElement(u string) string {
	if parsed, err := url.Parse(u); err == nil {
		return path.Base(parsed.Path)
	}
	return u
}
