package s3

import (
	"io"
	"net/http"
	"net/http/httptest"
	"syscall"
	"testing"
	"time"

	"golive/storage"
)

// BenchmarkPut uploads a segment of 1.1 MB in eight parts, and reports the CPU time of
// the process, which includes that of the test's store: the case "bare" is the time without
// the SDK.
func BenchmarkPut(b *testing.B) {
	slabs := make([][]byte, 8)
	for i := range slabs {
		slabs[i] = make([]byte, 1_100_000/len(slabs))
	}
	o := storage.Object{Key: "live/a/source/x-1.ts", Slabs: slabs, ContentType: "video/mp2t", CacheControl: "public, max-age=31536000, immutable"}
	sink := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Etag", `"x"`)
	})
	for name, start := range map[string]func(http.Handler) *httptest.Server{"http": httptest.NewServer, "https": httptest.NewTLSServer} {
		server := start(sink)
		b.Cleanup(server.Close)
		cfg := configAt(server.URL)
		if name == "https" {
			cfg.CAFile = certificateOf(b, server)
		}
		bucket := open(b, cfg)
		b.Run(name+"/sdk", func(b *testing.B) {
			measure(b, o.Size(), func() error { return bucket.Put(b.Context(), o) })
		})
		b.Run(name+"/bare", func(b *testing.B) {
			measure(b, o.Size(), func() error {
				req, err := http.NewRequestWithContext(b.Context(), http.MethodPut, server.URL, newBody(slabs, o.Size()))
				if err != nil {
					return err
				}
				req.ContentLength = o.Size()
				resp, err := bucket.http.Do(req)
				if err != nil {
					return err
				}
				return resp.Body.Close()
			})
		})
	}
}

func measure(b *testing.B, size int64, put func() error) {
	b.SetBytes(size)
	b.ReportAllocs()
	before := cpu(b)
	for b.Loop() {
		if err := put(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64((cpu(b)-before).Nanoseconds())/float64(b.N), "cpu-ns/op")
}

func cpu(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
