package hlscheck

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
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
	// Slack is what is added to the limit of rule 12, for the network's and this
	// machine's jitter; 100 ms when 0.
	Slack time.Duration
	// Segments ends the following after so many segments of each rendition; 0
	// means at the end of the stream or of the context.
	Segments int
	// Discard drops the bytes once they are checked.
	Discard bool
}

// Follower follows one URL.
type Follower struct {
	client       *http.Client
	url          string
	opts         Options
	found        *violations
	multivariant *Multivariant
	renditions   []*Rendition
}

// Open fetches url, a multivariant or media playlist, and gets ready to follow
// it. It fails when there is nothing to follow.
func Open(ctx context.Context, client *http.Client, url string, opts Options) (*Follower, error) {
	if opts.Interval == 0 {
		opts.Interval = 250 * time.Millisecond
	}
	if opts.Slack == 0 {
		opts.Slack = 100 * time.Millisecond
	}
	f := &Follower{client: client, url: url, opts: opts, found: &violations{}}
	reply, err := f.get(ctx, url, kindPlaylist)
	if err != nil {
		return nil, fmt.Errorf("open stream: %w", err)
	}
	if !isMultivariant(reply.body) {
		f.renditions = []*Rendition{{URL: url}}
		return f, nil
	}
	m, wrong := ParseMultivariant(url, reply.body)
	others := &report{url: url}
	checkMultivariantReaders(others, reply.body, m)
	for _, v := range append(wrong, others.list...) {
		f.found.add(v)
	}
	f.multivariant = m
	seen := map[string]bool{}
	for i := range m.Variants {
		u, err := resolve(url, m.Variants[i].URI)
		if err != nil {
			return nil, fmt.Errorf("open stream: %w", err)
		}
		if !seen[u] {
			seen[u] = true
			f.renditions = append(f.renditions, &Rendition{URL: u, Variant: &m.Variants[i]})
		}
	}
	if len(f.renditions) == 0 {
		return nil, errors.New("open stream: the multivariant playlist names no rendition")
	}
	return f, nil
}

// Follow reads every rendition until its end, the end of ctx, or as many segments
// as were asked for. It fails when a rendition's first playlist cannot be had;
// whatever goes wrong later is a violation. It is called once.
func (f *Follower) Follow(ctx context.Context) (*Recording, error) {
	errs := make([]error, len(f.renditions))
	var wg sync.WaitGroup
	for i, r := range f.renditions {
		wg.Go(func() { errs[i] = newRun(f, r).run(ctx) })
	}
	wg.Wait()
	return &Recording{
		URL: f.url, Multivariant: f.multivariant, Renditions: f.renditions, Violations: f.found.sorted(),
	}, errors.Join(errs...)
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
