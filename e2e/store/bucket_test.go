//go:build e2e

package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golive/e2e/harness"
	"golive/internal/hlscheck"
)

// bucket is the folder of a bucket in the store.
type bucket struct {
	t   *testing.T
	dir string
}

func (b bucket) text(key string) string {
	text, err := os.ReadFile(filepath.Join(b.dir, filepath.FromSlash(key)))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		b.t.Error(err)
	}
	return string(text)
}

func (b bucket) has(key string) bool {
	_, err := os.Stat(filepath.Join(b.dir, filepath.FromSlash(key)))
	return err == nil
}

// waitForReplay waits until the bucket has the broadcast's replay.
func (b bucket) waitForReplay(id string, limit time.Duration) *hlscheck.Media {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.t.Context(), harness.Timeout(limit))
	defer cancel()
	key := "live/" + id + "/replay.m3u8"
	err := harness.Eventually(ctx, 100*time.Millisecond, func() error {
		if !b.has(key) {
			return fmt.Errorf("there is no %s", key)
		}
		return nil
	})
	if err != nil {
		b.t.Fatal(err)
	}
	m, wrong := hlscheck.ParseMedia(key, []byte(b.text(key)))
	if len(wrong) > 0 {
		b.t.Errorf("%s breaks rules: %v", key, wrong)
	}
	return m
}

// poller polls the playlists in a bucket like a player, and checks that every object in them
// exists.
type poller struct {
	b      bucket
	ids    []string
	cancel context.CancelFunc
	done   sync.WaitGroup

	reads, changes int
	missing        []string
	violations     []string
}

// pollEvery is the interval of polling.
const pollEvery = 200 * time.Millisecond

func (b bucket) poll(ids []string) *poller {
	ctx, cancel := context.WithCancel(b.t.Context())
	p := &poller{b: b, ids: ids, cancel: cancel}
	p.done.Go(func() { p.run(ctx) })
	b.t.Cleanup(p.stop)
	return p
}

func (p *poller) run(ctx context.Context) {
	before := map[string]string{}
	for ctx.Err() == nil {
		for _, id := range p.ids {
			p.read("live/"+id+"/index.m3u8", before)
			p.read("live/"+id+"/source/index.m3u8", before)
		}
		harness.Pause(ctx, pollEvery)
	}
}

func (p *poller) read(key string, before map[string]string) {
	text := p.b.text(key)
	if text == "" || text == before[key] {
		return
	}
	p.reads++
	folder := key[:strings.LastIndexByte(key, '/')+1]
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		if line == "" || line[0] == '#' || slices.Contains(lines[max(0, i-2):i], "#EXT-X-GAP") {
			continue
		}
		if !p.b.has(folder + line) {
			p.missing = append(p.missing, fmt.Sprintf("%s names %s", key, line))
		}
	}
	if strings.Contains(text, "#EXT-X-MEDIA-SEQUENCE") && before[key] != "" {
		p.changes++
		old, _ := hlscheck.ParseMedia(key, []byte(before[key]))
		now, wrong := hlscheck.ParseMedia(key, []byte(text))
		for _, v := range append(wrong, hlscheck.CheckChange(key, old, now)...) {
			p.violations = append(p.violations, v.String())
		}
	}
	before[key] = text
}

// stop ends the polling.
func (p *poller) stop() {
	p.cancel()
	p.done.Wait()
}

// check stops polling, and reports errors.
func (p *poller) check() {
	p.b.t.Helper()
	p.stop()
	if len(p.missing) > 0 {
		p.b.t.Errorf("the playlists name %d objects that do not exist: %v", len(p.missing), p.missing[:min(5, len(p.missing))])
	}
	if len(p.violations) > 0 {
		p.b.t.Errorf("%d broken rules: %v", len(p.violations), p.violations[:min(5, len(p.violations))])
	}
	p.b.t.Logf("the bucket's playlists were read %d times, %d changes", p.reads, p.changes)
}
