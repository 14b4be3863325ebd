package catalog

import (
	"context"
	"errors"
	"iter"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"golive/storage"
	"golive/storage/memory"
)

var (
	layout = Layout{Prefix: "live"}
	noon   = time.Date(2026, 5, 4, 12, 0, 30, 0, time.UTC)
)

func show() Manifest {
	return Manifest{
		ID: "show", Token: "T1", Renditions: []string{"source", "720p"}, Sessions: []string{"aa", "bb"},
		Target: 2, PartTarget: 21000, Began: noon, Ended: noon.Add(time.Hour),
	}
}

func put(t *testing.T, b storage.Bucket, key, text string) {
	t.Helper()
	if err := b.Put(t.Context(), storage.Object{Key: key, Slabs: [][]byte{[]byte(text)}}); err != nil {
		t.Fatal(err)
	}
}

func keys(t *testing.T, b storage.Bucket) (all []string) {
	t.Helper()
	for info, err := range b.List(t.Context(), "") {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, info.Key)
	}
	return all
}

func TestManifest_IsReadBackAsItWas(t *testing.T) {
	b := memory.New()
	second := show()
	second.Token, second.Began, second.Ended = "T0", noon.Add(-time.Hour), time.Time{}
	for _, m := range []Manifest{show(), second} {
		if err := b.Put(t.Context(), m.Object(layout.Live(m.ID, m.Token))); err != nil {
			t.Fatal(err)
		}
	}
	put(t, b, layout.Live("broken", "T9"), "{")
	put(t, b, layout.Live("evil", "T8"), `{"id":"../x","token":"T8"}`)
	put(t, b, layout.Live("evil", "T7"), `{"id":"x","token":"T7","sessions":["a","a-"]}`)
	found, err := layout.Lives(t.Context(), b)
	if err == nil || !strings.Contains(err.Error(), "broken") || strings.Count(err.Error(), "evil") != 2 {
		t.Errorf("the unreadable ones: %v", err)
	}
	if len(found) != 2 {
		t.Fatalf("found %+v", found)
	}
	if diff := cmp.Diff([]Manifest{second, show()}, []Manifest{found[0].Manifest, found[1].Manifest}); diff != "" {
		t.Error(diff)
	}
	if m, err := layout.ReadLive(t.Context(), b, "show", "T1"); err != nil || !cmp.Equal(m, show()) {
		t.Errorf("%+v, %v", m, err)
	}
	for _, token := range []string{"", "T2", "../T1", "T1.json"} {
		if _, err := layout.ReadLive(t.Context(), b, "show", token); !errors.Is(err, storage.ErrNotExist) {
			t.Errorf("token %q: %v", token, err)
		}
	}
}

func TestLayout_DueTimesAreInOrderAndNeverEarly(t *testing.T) {
	before := ""
	for _, after := range []time.Duration{0, time.Nanosecond, 31 * time.Second, time.Hour, 24 * time.Hour, 300 * 24 * time.Hour} {
		at := noon.Add(after)
		key := layout.Due(at, "show", "T1")
		got, err := layout.dueAt(key)
		if err != nil || got.Before(at) || got.Sub(at) >= time.Minute || key < before {
			t.Errorf("%v: %s is due at %v, %v", at, key, got, err)
		}
		if err := storage.CheckKey(key); err != nil {
			t.Error(err)
		}
		before = key
	}
	for _, bad := range []string{"live/~manifests/due/x", "live/~manifests/due/never/show/T1.json", "live/show/index.m3u8"} {
		if at, err := layout.dueAt(bad); err == nil {
			t.Errorf("%s is due at %v", bad, at)
		}
	}
}

func TestCopying_IsOfWhatALiveBroadcastHas(t *testing.T) {
	for want, keys := range map[storage.Copying][]string{
		storage.CopyBefore: {"live/show/index.m3u8", "live/show/source/index.m3u8", layout.Live("show", "T1"), layout.Journal("show", "source", "T1", 3)},
		storage.CopyAfter:  {"live/show/source/aa-0.ts"},
		storage.NoCopy:     {layout.Replay("show"), layout.ReplayOf("show", "T1"), layout.Due(noon, "show", "T1")},
	} {
		for _, key := range keys {
			if got := layout.Copying(key); got != want {
				t.Errorf("%s: %d, want %d", key, got, want)
			}
		}
	}
}

func TestIsReplayName(t *testing.T) {
	for name, want := range map[string]bool{
		"replay.m3u8": true, "replay-T1.m3u8": true, ReplayNameOf("T1"): true,
		"replay-.m3u8": false, "replay-a-b.m3u8": false, "replay-../x.m3u8": false, "index.m3u8": false, "replay-T1": false, "": false,
	} {
		if got := IsReplayName(name); got != want {
			t.Errorf("%q: %t", name, got)
		}
	}
}

// fill puts every kind of object that a broadcast has, those of its neighbours
// too, and returns what is not its own.
func fill(t *testing.T, b storage.Bucket, owner string) (others []string) {
	t.Helper()
	own := string(Own([]byte("#EXTM3U\n#EXT-X-VERSION:3\n"), owner))
	for _, k := range []string{
		"live/show/source/aa-0.ts", "live/show/source/aa-1.ts", "live/show/720p/aa-0.ts", "live/show/source/bb-2.ts",
		"live/show/source/journal-T1-00000000.m3u8", "live/show/720p/journal-T1-00000001.m3u8",
		layout.ReplayOf("show", "T1"), layout.Live("show", "T1"),
	} {
		put(t, b, k, "x")
	}
	for _, k := range []string{"live/show/index.m3u8", "live/show/source/index.m3u8", "live/show/720p/index.m3u8", "live/show/replay.m3u8"} {
		put(t, b, k, own)
		if owner != "T1" {
			others = append(others, k)
		}
	}
	more := []string{
		"live/show/source/aaa-0.ts", "live/show/source/cc-3.ts", "live/show/source/journal-T11-00000000.m3u8", "live/show/replay-T2.m3u8",
		"live/show2/source/aa-0.ts", "live/~manifests/live/show/T2.json", "other/show/source/aa-0.ts",
	}
	for _, k := range more {
		put(t, b, k, "x")
	}
	return append(others, more...)
}

func TestSweep_DeletesAllOfTheBroadcastAndNothingElse(t *testing.T) {
	for _, owner := range []string{"T1", "T2", ""} {
		b := memory.New()
		others := fill(t, b, owner)
		f := Found{Manifest: show(), Key: layout.Due(noon, "show", "T1")}
		put(t, b, f.Key, "x")
		n, err := layout.Sweep(t.Context(), b, f)
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]bool{}
		for _, k := range keys(t, b) {
			got[k] = true
		}
		for _, k := range others {
			if !got[k] {
				t.Errorf("owner %q: %s was deleted", owner, k)
			}
			delete(got, k)
		}
		if len(got) > 0 || n < 9 {
			t.Errorf("owner %q: %d deleted, left are %v", owner, n, got)
		}
	}
}

// stubborn fails to delete some keys.
type stubborn struct {
	*memory.Bucket
	refuse string
}

func (s *stubborn) Delete(ctx context.Context, key string) error {
	if s.refuse != "" && strings.Contains(key, s.refuse) {
		return errors.New("access denied")
	}
	return s.Bucket.Delete(ctx, key)
}

func TestSweep_KeepsTheManifestUntilAllElseIsGone(t *testing.T) {
	for _, refuse := range []string{"aa-1.ts", "journal", "replay-T1", "source/index", "live/show/T1.json"} {
		b := &stubborn{memory.New(), refuse}
		fill(t, b, "T1")
		f := Found{Manifest: show(), Key: layout.Due(noon, "show", "T1")}
		put(t, b, f.Key, "x")
		if _, err := layout.Sweep(t.Context(), b, f); err == nil || !strings.Contains(err.Error(), "show") {
			t.Errorf("%s: %v", refuse, err)
		}
		if !cmp.Equal(keysWith(t, b, f.Key), []string{f.Key}) {
			t.Errorf("%s: the manifest is gone", refuse)
		}
		b.refuse = ""
		if _, err := layout.Sweep(t.Context(), b, f); err != nil {
			t.Error(err)
		}
		if left := keysWith(t, b, "live/show/source/aa-"); len(left) > 0 {
			t.Errorf("%s: left are %v", refuse, left)
		}
	}
}

func keysWith(t *testing.T, b storage.Bucket, prefix string) (found []string) {
	t.Helper()
	for _, k := range keys(t, b) {
		if strings.HasPrefix(k, prefix) {
			found = append(found, k)
		}
	}
	return found
}

// counting counts lists, and what they yield.
type counting struct {
	*memory.Bucket
	lists, listed int
}

func (c *counting) List(ctx context.Context, prefix string) iter.Seq2[storage.Info, error] {
	c.lists++
	return func(yield func(storage.Info, error) bool) {
		for info, err := range c.Bucket.List(ctx, prefix) {
			c.listed++
			if !yield(info, err) {
				return
			}
		}
	}
}

func TestSweeper_DeletesWhatIsDueAndLooksAtNothingElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &counting{Bucket: memory.New()}
		began := time.Now()
		for i, token := range []string{"T1", "T2", "T3", "T4", "T5"} {
			m := show()
			m.Token, m.Sessions = token, []string{"s" + token}
			put(t, b, layout.Media("show", "source", "s"+token+"-0.ts"), "x")
			if err := b.Put(t.Context(), m.Object(layout.Due(began.Add(time.Duration(i)*time.Hour), "show", token))); err != nil {
				t.Fatal(err)
			}
		}
		put(t, b, layout.Due(began, "bad", "T0"), "{") // holds up nobody
		ctx, stop := context.WithCancel(t.Context())
		s := Sweeper{Layout: layout, Bucket: b, Abandoned: func(context.Context, Found) error { return nil }, Log: slog.New(slog.DiscardHandler)}
		done := make(chan struct{})
		go func() {
			defer close(done)
			s.Run(ctx)
		}()
		segments := func() int { return len(keysWith(t, b.Bucket, "live/show/source/")) }
		for i, want := range []int{4, 3, 2} {
			<-time.After(time.Until(began.Add(time.Duration(i)*time.Hour + 2*time.Minute)))
			if got := segments(); got != want {
				t.Errorf("after %d h there are %d segments, want %d", i, got, want)
			}
		}
		stop()
		<-done
		if perRound := float64(b.listed) / float64(b.lists); perRound > 3 {
			t.Errorf("%d objects were listed in %d rounds", b.listed, b.lists)
		}
	})
}

func TestSweeper_TellsOfAbandonedBroadcastsOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := memory.New()
		touch := func(token string) {
			m := show()
			m.Token = token
			if err := b.Put(t.Context(), m.Object(layout.Live("show", token))); err != nil {
				t.Error(err)
			}
		}
		began := time.Now()
		touch("dead")
		var told []string
		s := Sweeper{Layout: layout, Bucket: b, Log: slog.New(slog.DiscardHandler), Abandoned: func(_ context.Context, f Found) error {
			told = append(told, f.Token)
			return b.Delete(t.Context(), f.Key)
		}}
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			s.Run(ctx)
		}()
		for range 24 {
			touch("alive")
			<-time.After(TouchEvery)
			if time.Since(began) < abandonedAfter && len(told) > 0 {
				t.Error("told too early")
			}
		}
		stop()
		<-done
		if !cmp.Equal(told, []string{"dead"}) {
			t.Errorf("told of %v", told)
		}
	})
}

func TestReadText_UnpacksAndBounds(t *testing.T) {
	b := memory.New()
	big := strings.Repeat("#EXTM3U\n", 20_000)
	packed := storage.Compress(b)
	for key, text := range map[string]string{"small": "#EXTM3U\n", "big": big} {
		if err := packed.Put(t.Context(), storage.Object{Key: key, Slabs: [][]byte{[]byte(text)}, ContentType: storage.PlaylistType}); err != nil {
			t.Fatal(err)
		}
		if got, err := ReadText(t.Context(), b, key, 1<<20); err != nil || string(got) != text {
			t.Errorf("%s: %d bytes, %v", key, len(got), err)
		}
	}
	if _, err := ReadText(t.Context(), b, "big", 10_000); err == nil {
		t.Error("more was unpacked than is allowed")
	}
	if _, err := ReadText(t.Context(), b, "none", 1); !errors.Is(err, storage.ErrNotExist) {
		t.Errorf("nothing there: %v", err)
	}
}

func TestOwner_IsReadFromWhatOwnWrote(t *testing.T) {
	text := []byte("#EXTM3U\n#EXT-X-VERSION:3\n")
	owned := Own(text, "T1")
	if Owner(owned) != "T1" || Owner(text) != "" || Owner(nil) != "" || !strings.HasPrefix(string(owned), "#EXTM3U\n") {
		t.Errorf("%q", owned)
	}
	if got := Disown(owned, "T1"); string(got) != string(text) {
		t.Errorf("%q", got)
	}
}
