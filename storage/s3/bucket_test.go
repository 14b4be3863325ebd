package s3

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"golive/storage"
	"golive/storage/s3/s3test"
	"golive/storage/storagetest"
)

func open(tb testing.TB, cfg storage.S3Config) *Bucket {
	tb.Helper()
	b, err := New(tb.Context(), cfg)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = b.Close() })
	return b
}

func TestBucket_KeepsTheContract(t *testing.T) {
	server := s3test.Start(t)
	for name, change := range map[string]func(*storage.S3Config){
		"AsCustom":          func(*storage.S3Config) {},
		"WithEveryChecksum": func(c *storage.S3Config) { c.Checksum = "when_supported" },
		"DeletingVersions":  func(c *storage.S3Config) { c.Delete = "versions" },
	} {
		t.Run(name, func(t *testing.T) {
			storagetest.Test(t, func(t *testing.T) storage.Bucket {
				t.Helper()
				cfg := server.Config(t)
				change(&cfg)
				return open(t, cfg)
			})
		})
	}
}

func TestPut_WorksAgainWhenTheStoreIsBack(t *testing.T) {
	server := s3test.Start(t)
	b := open(t, server.Config(t))
	if err := b.Put(t.Context(), object("live/a/1.ts", "one")); err != nil {
		t.Fatal(err)
	}
	server.Kill()
	checkError(t, b.Put(t.Context(), object("live/a/2.ts", "two")), "put live/a/2.ts")
	server.Run(t)
	if err := b.Put(t.Context(), object("live/a/2.ts", "two")); err != nil {
		t.Error(err)
	}
	var keys []string
	for info, err := range b.List(t.Context(), "live/") {
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, info.Key)
	}
	if want := []string{"live/a/1.ts", "live/a/2.ts"}; !slices.Equal(keys, want) {
		t.Errorf("the store has %q, want %q", keys, want)
	}
}

func TestPut_SucceedsAfterAPauseOfTheStore(t *testing.T) {
	server := s3test.Start(t)
	b := open(t, server.Config(t))
	if err := b.Put(t.Context(), object("live/a/1.ts", "one")); err != nil {
		t.Fatal(err)
	}
	server.Pause()
	time.AfterFunc(300*time.Millisecond, server.Resume)
	b.http.timeout = 100 * time.Millisecond
	if err := b.Put(t.Context(), object("live/a/2.ts", "two")); err != nil {
		t.Error(err)
	}
}

func TestList_ReadsEveryPage(t *testing.T) {
	server := s3test.Start(t)
	b := open(t, server.Config(t))
	const objects = 1_050 // a page has a thousand
	var all errgroup.Group
	all.SetLimit(32)
	for i := range objects {
		all.Go(func() error { return b.Put(t.Context(), object(fmt.Sprintf("live/a/%04d.ts", i), "x")) })
	}
	if err := all.Wait(); err != nil {
		t.Fatal(err)
	}
	n := 0
	for info, err := range b.List(t.Context(), "live/a/") {
		if err != nil {
			t.Fatal(err)
		}
		if want := fmt.Sprintf("live/a/%04d.ts", n); info.Key != want {
			t.Fatalf("listed %s, want %s", info.Key, want)
		}
		n++
	}
	if n != objects {
		t.Errorf("listed %d objects, want %d", n, objects)
	}
}

// TestBucket_ReusesConnections sends bursts of uploads, as the segments of many
// broadcasts are uploaded.
func TestBucket_ReusesConnections(t *testing.T) {
	const bursts, uploads = 6, 50
	var opened atomic.Int32
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Etag", `"x"`)
	}))
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			opened.Add(1)
		}
	}
	server.Start()
	t.Cleanup(server.Close)
	b := open(t, configAt(server.URL))
	for range bursts {
		var burst errgroup.Group
		for range uploads {
			burst.Go(func() error { return b.Put(t.Context(), object("live/a/1.ts", "x")) })
		}
		if err := burst.Wait(); err != nil {
			t.Fatal(err)
		}
	}
	if n := opened.Load(); n > uploads*3/2 {
		t.Errorf("%d connections for bursts of %d uploads, want at most %d", n, uploads, uploads*3/2)
	}
}
