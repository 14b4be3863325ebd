package s3

import (
	"bytes"
	"compress/gzip"
	"context"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"golive/internal/setting"
	"golive/storage"
	"golive/storage/s3/s3test"
)

// google runs a store with the known behaviours of Google's.
func google(t *testing.T, more ...s3test.Behaviour) (*s3test.Fake, storage.S3Config) {
	t.Helper()
	keys := s3test.NewKeys(s3test.AccessKey, s3test.SecretKey)
	f := s3test.NewFake(t, append([]s3test.Behaviour{s3test.Transcodes, s3test.RewritesAcceptEncoding, keys.Verify, s3test.RefusesTrailers}, more...)...)
	cfg := f.Config()
	cfg.Provider = "gcs"
	return f, cfg
}

func withoutCORS() []string {
	return []string{"put", "get", "range", "list", "headers", "encoding", "delete", "versions"}
}

func TestRow69_SignatureSurvivesARewrittenAcceptEncoding(t *testing.T) {
	for _, provider := range []string{"gcs", "custom"} { // a proxy in front of any store may do the same
		t.Run(provider, func(t *testing.T) {
			limit := s3test.PutLimit{Interval: time.Second}
			f, cfg := google(t, limit.Limit)
			cfg.Provider = provider
			report := open(t, cfg).Probe(t.Context())
			if err := report.Err(); err != nil || len(f.Keys()) > 0 {
				t.Errorf("probe failed with %v and left %v", err, f.Keys())
			}
			if diff := cmp.Diff(withoutCORS(), outcomes(report)); provider == "gcs" && diff != "" {
				t.Errorf("steps (-want +got):\n%s%+v", diff, report)
			}
		})
	}
}

func TestRow69_StoreThatVerifiesSignaturesRefusesAWrongSecret(t *testing.T) {
	_, cfg := google(t)
	cfg.SecretKey = setting.NewSecret("another")
	err := open(t, cfg).Put(t.Context(), object("live/a/1.ts", "x"))
	checkError(t, err, "SignatureDoesNotMatch", "storage.s3.secret_key")
}

func TestRow69_GzippedPlaylistIsNotUnpacked(t *testing.T) {
	_, cfg := google(t)
	var zipped bytes.Buffer
	w := gzip.NewWriter(&zipped)
	_, _ = w.Write([]byte("#EXTM3U"))
	_ = w.Close()
	b := open(t, cfg)
	o := storage.Object{Key: "live/a/replay.m3u8", Slabs: [][]byte{zipped.Bytes()}, ContentEncoding: "gzip", CacheControl: "public, max-age=1"}
	if err := b.Put(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	r, err := b.Get(t.Context(), o.Key, 0, -1)
	if err != nil || r.Size != o.Size() {
		t.Fatalf("got %+v, error %v; want %d bytes", r, err, o.Size())
	}
	_ = r.Close()
}

// writeKeys writes a file of credentials as AWS's tools do, in one step.
func writeKeys(t *testing.T, file, id, secret string) {
	t.Helper()
	text := "[default]\naws_access_key_id = " + id + "\naws_secret_access_key = " + secret + "\n"
	replace(t, file, text)
}

func replace(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file+".new", []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(file+".new", file); err != nil {
		t.Fatal(err)
	}
}

func TestRow70_CredentialsThatRotateAreReadAgain(t *testing.T) {
	for _, code := range []string{"ExpiredToken", "InvalidAccessKeyId", "SignatureDoesNotMatch", "TokenRefreshRequired", "InvalidToken"} {
		for name, prepare := range map[string]func(t *testing.T, dir string, cfg *storage.S3Config) (rotate func(id, secret string)){
			"of the environment's file": func(t *testing.T, dir string, cfg *storage.S3Config) func(id, secret string) {
				file := filepath.Join(dir, "credentials")
				writeKeys(t, file, "AKIDONE", "one")
				t.Setenv("AWS_SHARED_CREDENTIALS_FILE", file)
				t.Setenv("AWS_CONFIG_FILE", filepath.Join(dir, "config"))
				cfg.AccessKey, cfg.SecretKey = setting.Secret{}, setting.Secret{}
				return func(id, secret string) { writeKeys(t, file, id, secret) }
			},
			"of our own files": func(t *testing.T, dir string, cfg *storage.S3Config) func(id, secret string) {
				idFile, secretFile := filepath.Join(dir, "id"), filepath.Join(dir, "secret")
				write := func(id, secret string) {
					replace(t, idFile, id+"\n")
					replace(t, secretFile, secret+"\n")
				}
				write("AKIDONE", "one")
				var err error
				if cfg.AccessKey, err = setting.ReadSecretFile(idFile); err != nil {
					t.Fatal(err)
				}
				if cfg.SecretKey, err = setting.ReadSecretFile(secretFile); err != nil {
					t.Fatal(err)
				}
				return write
			},
		} {
			t.Run(name+" "+code, func(t *testing.T) {
				t.Setenv("AWS_ACCESS_KEY_ID", "")
				t.Setenv("AWS_SECRET_ACCESS_KEY", "")
				t.Setenv("AWS_PROFILE", "")
				keys := s3test.NewKeys("AKIDONE", "one")
				f := s3test.NewFake(t, keys.Verify)
				cfg := f.Config()
				rotate := prepare(t, t.TempDir(), &cfg)
				b := open(t, cfg)
				if err := b.Put(t.Context(), object("live/a/1.ts", "x")); err != nil {
					t.Fatal(err)
				}
				keys.Replace("AKIDTWO", "two", code)
				rotate("AKIDTWO", "two")
				// The refused request is retried with the new credentials.
				if err := b.Put(t.Context(), object("live/a/2.ts", "x")); err != nil {
					t.Fatal(err)
				}
				if _, err := b.Get(t.Context(), "live/a/2.ts", 0, -1); err != nil {
					t.Error(err)
				}
			})
		}
	}
}

func TestRow70_CredentialsStayWhileTheirFileIsBeingReplaced(t *testing.T) {
	dir := t.TempDir()
	idFile, secretFile := filepath.Join(dir, "id"), filepath.Join(dir, "secret")
	replace(t, idFile, "AKIDONE")
	replace(t, secretFile, "one")
	f := s3test.NewFake(t, s3test.NewKeys("AKIDONE", "one").Verify)
	cfg := f.Config()
	cfg.AccessKey, _ = setting.ReadSecretFile(idFile)
	cfg.SecretKey, _ = setting.ReadSecretFile(secretFile)
	b := open(t, cfg)
	if err := os.Remove(secretFile); err != nil {
		t.Fatal(err)
	}
	b.keys.looked = time.Time{} // as if time had passed
	if err := b.Put(t.Context(), object("live/a/1.ts", "x")); err != nil {
		t.Error(err)
	}
	replace(t, secretFile, "")
	b.keys.looked = time.Time{}
	if err := b.Put(t.Context(), object("live/a/1.ts", "x")); err != nil {
		t.Error(err)
	}
}

func TestRow72_ConnectionWithAServerFailureIsClosed(t *testing.T) {
	for _, status := range []int{500, 502, 503, 504, 429} {
		t.Run(http.StatusText(status), func(t *testing.T) {
			bad := s3test.BadConnections{N: 7, Status: status}
			f := s3test.NewFake(t, bad.Spoil)
			b := open(t, f.Config())
			var putting sync.WaitGroup
			for i := range 4 { // one after the other in each, as the archivers of four broadcasts
				putting.Go(func() {
					for j := range 5 {
						key := "live/" + string(rune('a'+i)) + "/" + string(rune('0'+j)) + ".ts"
						if err := b.Put(t.Context(), object(key, strings.Repeat("x", 10_000))); err != nil {
							t.Error(err)
						}
					}
				})
			}
			putting.Wait()
			if n := len(f.Keys()); n != 20 {
				t.Errorf("%d objects, want 20", n)
			}
			// A request may be given a connection just before that is closed.
			if hit := bad.Hit.Load(); hit > 2 {
				t.Errorf("%d requests on connections that had failed, want at most 2", hit)
			}
		})
	}
}

func TestRow72_GoodConnectionsAreKept(t *testing.T) {
	f := s3test.NewFake(t)
	b := open(t, f.Config())
	var dialed int
	dial := b.http.transport.DialContext
	b.http.transport.DialContext = counting(&dialed, dial)
	for range 5 {
		if err := b.Put(t.Context(), object("live/a/1.ts", "x")); err != nil {
			t.Fatal(err)
		}
		if _, err := b.Get(t.Context(), "live/a/none.ts", 0, -1); err == nil { // 404 does not close the connection
			t.Fatal("got an object that does not exist")
		}
	}
	if dialed != 1 {
		t.Errorf("%d connections, want 1", dialed)
	}
}

// counting returns a dial function that counts its calls in n.
func counting(n *int, dial func(context.Context, string, string) (net.Conn, error)) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		*n++
		return dial(ctx, network, address)
	}
}

func TestRow73_ProbeWaitsForAStoreThatIsThrottled(t *testing.T) {
	throttled := func(status int, match func(*http.Request) bool) *s3test.Throttle {
		return &s3test.Throttle{N: 5, Status: status, Match: match}
	}
	method := func(m string) func(*http.Request) bool {
		return func(r *http.Request) bool { return r.Method == m && !r.URL.Query().Has("versions") }
	}
	for name, throttle := range map[string]*s3test.Throttle{
		"429 on lists":   throttled(429, s3test.IsList),
		"503 on lists":   throttled(503, s3test.IsList),
		"429 on puts":    throttled(429, method(http.MethodPut)),
		"503 on gets":    throttled(503, method(http.MethodGet)),
		"429 on heads":   throttled(429, method(http.MethodHead)),
		"503 on deletes": throttled(503, method(http.MethodDelete)),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := s3test.NewFake(t, throttle.Limit)
			report := open(t, f.Config()).Probe(t.Context())
			if diff := cmp.Diff(withoutCORS(), outcomes(report)); diff != "" {
				t.Errorf("steps (-want +got):\n%s%+v", diff, report)
			}
		})
	}
}

func TestRow73_ProbeGivesUpAndNamesTheSetting(t *testing.T) {
	if testing.Short() {
		t.Skip("the test takes ten seconds")
	}
	t.Parallel()
	throttle := s3test.Throttle{N: 1 << 30, Status: 429, Match: s3test.IsList}
	f := s3test.NewFake(t, throttle.Limit)
	began := time.Now()
	err := open(t, f.Config()).Probe(t.Context()).Err()
	if took := time.Since(began); took < 5*time.Second || took > 20*time.Second {
		t.Errorf("gave up after %s, want from 5 s to 20 s", took)
	}
	if err == nil || !strings.Contains(err.Error(), "429") || !strings.Contains(err.Error(), "storage.s3.bucket") {
		t.Error(err)
	}
	if len(f.Keys()) > 0 {
		t.Errorf("the probe left %v", f.Keys())
	}
}
