//go:build e2e

package store

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golive/archive"
	"golive/e2e/harness"
	"golive/internal/hlscheck"
	"golive/storage/s3/s3test"
)

// ladderNode is a node whose broadcasts have two renditions each, in a separate process.
type ladderNode struct {
	t       *testing.T
	config  ladderConfig
	process *harness.Process
}

func (l *ladderNode) run() {
	l.t.Helper()
	text, err := json.Marshal(l.config)
	if err != nil {
		l.t.Fatal(err)
	}
	program, err := os.Executable()
	if err != nil {
		l.t.Fatal(err)
	}
	l.process = harness.Launch(l.t, []string{ladderVariable + "=" + string(text)}, program)
	l.t.Cleanup(func() {
		if l.t.Failed() {
			l.t.Logf("log of the node on %s:\n%s", l.config.Dir, l.process.Logs)
		}
	})
}

func (l *ladderNode) get(path string) string {
	text, err := harness.Get(l.t.Context(), "http://"+l.config.HTTP+path)
	if err != nil {
		return ""
	}
	return string(text)
}

// until waits until a condition holds.
func (l *ladderNode) until(what string, limit time.Duration, holds func() bool) {
	l.t.Helper()
	for deadline := time.Now().Add(harness.Timeout(limit)); !holds(); harness.Pause(l.t.Context(), 100*time.Millisecond) {
		if time.Now().After(deadline) {
			l.t.Fatalf("not within %v: %s", harness.Timeout(limit), what)
		}
	}
}

// waitForLive waits until all broadcasts can be watched in both renditions.
func (l *ladderNode) waitForLive() {
	l.t.Helper()
	for _, id := range l.config.IDs {
		l.until(id+" is live in both renditions", 30*time.Second, func() bool {
			return strings.Count(l.get("/live/"+id+"/index.m3u8"), "#EXT-X-STREAM-INF") == 2
		})
	}
}

// waitForUploads waits until nothing waits for the bucket.
func (l *ladderNode) waitForUploads() {
	l.t.Helper()
	l.until("all is in the bucket", time.Minute, func() bool {
		return strings.Contains(l.get("/metrics"), "\ngolive_storage_spool_segments 0\n")
	})
}

// recordedSegments returns the segments with media in the logs in a folder, as
// ID/RENDITION/NAME.
func recordedSegments(t *testing.T, dir string) map[string]bool {
	t.Helper()
	pages, err := filepath.Glob(filepath.Join(dir, "live/*/log-*/*.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for _, path := range pages {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		page, err := archive.ParsePage(0, text)
		if err != nil {
			t.Fatal(err)
		}
		id := filepath.Base(filepath.Dir(filepath.Dir(path)))
		for _, r := range page.Records {
			if r.Kind == archive.KindSegment && r.Size > 0 {
				names[id+"/"+r.Rendition+"/"+r.Segment.Media().Name()] = true
			}
		}
	}
	return names
}

// segments returns the hashes of the segments in the bucket, by ID/RENDITION/NAME.
func (b bucket) segments() map[string][sha256.Size]byte {
	b.t.Helper()
	sums := map[string][sha256.Size]byte{}
	root := filepath.Join(b.dir, "live")
	err := filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".ts") {
			return err
		}
		data, err := os.ReadFile(path)
		name, nameErr := filepath.Rel(root, path)
		sums[filepath.ToSlash(name)] = sha256.Sum256(data)
		return errors.Join(err, nameErr)
	})
	if err != nil {
		b.t.Fatal(err)
	}
	return sums
}

// Ten broadcasts of two renditions: the store is paused and killed, and meanwhile the node is
// killed and started again; then it is killed again, and another node with an empty disk
// continues.
func TestLadder_TwoRenditionsSurviveOutagesOfStoreAndNode(t *testing.T) {
	store := s3test.Start(t)
	b := bucket{t, ""}
	l := &ladderNode{t: t, config: ladderConfig{
		Dir: t.TempDir(), HTTP: harness.FreeAddress(t), Endpoint: "http://" + store.Address, Bucket: store.Config(t).Bucket,
	}}
	b.dir = filepath.Join(store.Dir, l.config.Bucket)
	for i := range 10 {
		l.config.IDs = append(l.config.IDs, fmt.Sprintf("show-%d", i))
	}
	pause := func(d time.Duration) { harness.Pause(t.Context(), d) }
	l.run()
	l.waitForLive()
	viewers := map[string]*harness.Follower{}
	for _, id := range l.config.IDs {
		viewers[id] = harness.Follow(t, "http://"+l.config.HTTP+"/live/"+id+"/ts.m3u8", hlscheck.Options{})
	}
	pause(5 * time.Second)
	checkReports(t, l, "show-0")
	store.Pause()
	pause(6 * time.Second)
	store.Resume()
	l.waitForUploads()

	store.Kill()
	pause(5 * time.Second)
	l.process.Kill()
	finished := recordedSegments(t, l.config.Dir)
	l.run()
	l.waitForLive()
	pause(4 * time.Second)
	store.Run(t)
	l.waitForUploads()
	pause(3 * time.Second)

	l.process.Kill()
	acknowledged, stored := recordedSegments(t, b.dir), b.segments()
	for name := range finished {
		if _, ok := stored[name]; !ok || !acknowledged[name] {
			t.Errorf("%s was finished, and is not in the bucket and its log", name)
		}
	}
	l.config.Dir = t.TempDir() // another node
	l.run()
	l.waitForLive()
	checkReports(t, l, "show-9")
	pause(5 * time.Second)
	l.process.Signal(syscall.SIGTERM) // ends the broadcasts

	inBucket := map[string]bool{}
	gaps, identical := 0, 0
	for _, id := range l.config.IDs {
		l.until("there is a replay of "+id, 30*time.Second, func() bool { return b.has("live/" + id + "/replay.m3u8") })
		listed := replayOf(t, b, id, &gaps)
		for name := range listed {
			inBucket[name] = true
		}
		identical += compareWithBucket(t, b, id, listed, viewers[id])
	}
	for name := range acknowledged {
		if !inBucket[name] {
			t.Errorf("%s was acknowledged, and is not in the replay", name)
		}
	}
	for name, sum := range stored {
		if sha256.Sum256([]byte(b.text("live/"+name))) != sum {
			t.Errorf("%s has changed in the bucket", name)
		}
	}
	t.Logf("%d segments were on disk at the first kill, %d in the bucket at the second; the replays have %d, and %d gaps; %d are identical to what viewers received",
		len(finished), len(acknowledged), len(inBucket), gaps, identical)
}

// replayOf reads the replay of both renditions, which must be complete, and returns the
// segments in it, as ID/RENDITION/NAME.
func replayOf(t *testing.T, b bucket, id string, gaps *int) map[string]bool {
	t.Helper()
	folder := "live/" + id + "/"
	m, wrong := hlscheck.ParseMultivariant(folder, []byte(b.text(folder+"replay.m3u8")))
	if len(wrong) > 0 || len(m.Variants) != 2 {
		t.Fatalf("%s: %d variants in the replay, %v", id, len(m.Variants), wrong)
	}
	listed := map[string]bool{}
	for _, v := range m.Variants {
		media, wrong := hlscheck.ParseMedia(v.URI, []byte(b.text(folder+v.URI)))
		if len(wrong) > 0 {
			t.Errorf("%s/%s: %v", id, v.URI, wrong)
		}
		rendition, _, _ := strings.Cut(v.URI, "/")
		for i, s := range media.Segments {
			switch {
			case s.MSN != int64(i)+1:
				t.Errorf("%s/%s: segment %d has number %d", id, v.URI, i, s.MSN)
			case s.Gap:
				*gaps++
			case !b.has(folder + rendition + "/" + s.URI):
				t.Errorf("%s/%s names %s, which is not there", id, v.URI, s.URI)
			default:
				listed[id+"/"+rendition+"/"+s.URI] = true
			}
		}
	}
	return listed
}

// compareWithBucket compares the segments that a viewer received with the bucket, and counts them.
func compareWithBucket(t *testing.T, b bucket, id string, listed map[string]bool, viewer *harness.Follower) (n int) {
	t.Helper()
	for _, r := range viewer.Stop().Renditions {
		rendition, _, _ := strings.Cut(r.Name, "/")
		for _, s := range r.Segments {
			name := id + "/" + rendition + "/" + s.URI
			if s.Data == nil || !listed[name] {
				continue
			}
			if !bytes.Equal([]byte(b.text("live/"+name)), s.Data) {
				t.Errorf("%s differs in the bucket", name)
			}
			n++
		}
	}
	if n == 0 {
		t.Errorf("%s: nothing that viewers received is in the replay", id)
	}
	return n
}

// checkReports checks EXT-X-RENDITION-REPORT: what a rendition reports of the other one is never ahead of
// that one's playlist. It may be behind until the rendition's own playlist changes.
func checkReports(t *testing.T, l *ladderNode, id string) {
	t.Helper()
	last := func(rendition string) (*hlscheck.Media, int64) {
		url := "/live/" + id + "/" + rendition + "/index.m3u8"
		m, wrong := hlscheck.ParseMedia(url, []byte(l.get(url)))
		if len(wrong) > 0 {
			t.Errorf("%s: %v", url, wrong)
		}
		n := m.MediaSequence + int64(len(m.Segments)) - 1
		if len(m.Parts) > 0 {
			n++
		}
		return m, n
	}
	for one, other := range map[string]string{"source": smallRendition, smallRendition: "source"} {
		l.until(one+" of "+id+" reports where "+other+" is", 10*time.Second, func() bool {
			_, before := last(other)
			m, own := last(one)
			_, after := last(other)
			if len(m.Reports) != 1 || m.Reports[0].URI != "../"+other+"/index.m3u8" {
				t.Fatalf("%s of %s reports %+v", one, id, m.Reports)
			}
			reported := m.Reports[0].LastMSN
			if reported < 0 {
				reported = own
			}
			if reported > after {
				t.Fatalf("%s of %s reports %d of %s, which has %d", one, id, reported, other, after)
			}
			return reported >= before
		})
	}
}
