package s3

import (
	"bytes"
	"context"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golive/internal/setting"
	"golive/storage"
)

const (
	testKey    = "AKIDTESTKEY"
	testSecret = "hush-hush-hush"
)

// configAt returns a configuration for a store at the URL.
func configAt(url string) storage.S3Config {
	cfg := storage.DefaultS3Config()
	cfg.Provider, cfg.Endpoint, cfg.Bucket = "custom", url, "clips"
	cfg.AccessKey, cfg.SecretKey = setting.NewSecret(testKey), setting.NewSecret(testSecret)
	return cfg
}

// fake runs a store that answers with the handler, and returns its configuration.
func fake(t *testing.T, handler http.HandlerFunc) storage.S3Config {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return configAt(server.URL)
}

// refuse answers with an error of S3. The last arguments are names and values of headers.
func refuse(status int, code, message string, more ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		for i := 0; i < len(more); i += 2 {
			w.Header().Set(more[i], more[i+1])
		}
		w.Header().Set("Content-Type", "application/xml")
		w.WriteHeader(status)
		_, _ = fmt.Fprintf(w, `<?xml version="1.0"?><Error><Code>%s</Code><Message>%s</Message><AWSAccessKeyId>%s</AWSAccessKeyId></Error>`, code, message, testKey)
	}
}

func object(key, text string) storage.Object {
	return storage.Object{Key: key, Slabs: [][]byte{[]byte(text)}}
}

func TestPut_ErrorNamesTheSettingToChange(t *testing.T) {
	html := func(status int) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			w.WriteHeader(status)
			_, _ = io.WriteString(w, "<!doctype html><title>Console</title>")
		}
	}
	tests := map[string]struct {
		answer http.HandlerFunc
		change func(*storage.S3Config)
		want   []string
	}{
		"wrong key":            {refuse(403, "InvalidAccessKeyId", "No such key."), nil, []string{"403", "InvalidAccessKeyId", "storage.s3.access_key"}},
		"wrong secret":         {refuse(403, "SignatureDoesNotMatch", "No match."), nil, []string{"storage.s3.secret_key"}},
		"no permission":        {refuse(403, "AccessDenied", "Access Denied"), nil, []string{"s3:PutObject", `"clips"`}},
		"no permission or ACL": {refuse(403, "AccessDenied", "Access Denied"), func(c *storage.S3Config) { c.ACL = "public-read" }, []string{"storage.s3.acl"}},
		"no ACLs":              {refuse(400, "AccessControlListNotSupported", "The bucket does not allow ACLs"), nil, []string{`storage.s3.acl: ""`}},
		"B2's ACL":             {refuse(400, "InvalidArgument", "Unsupported value for canned acl 'public-read'"), nil, []string{`storage.s3.acl: ""`}},
		"no bucket":            {refuse(404, "NoSuchBucket", "The specified bucket does not exist"), nil, []string{"storage.s3.bucket", `create bucket "clips"`}},
		"another region, moved": {
			refuse(301, "PermanentRedirect", "Use the other endpoint.", "X-Amz-Bucket-Region", "eu-west-3"), nil,
			[]string{"storage.s3.region: eu-west-3"},
		},
		"another region, named": {
			refuse(400, "AuthorizationHeaderMalformed", "the region 'us-east-1' is wrong; expecting 'eu-west-3'"), nil,
			[]string{"storage.s3.region: eu-west-3"},
		},
		"a clock that is wrong": {refuse(403, "RequestTimeTooSkewed", "The difference is too large."), nil, []string{"clock", "NTP"}},
		"checksums": {
			refuse(501, "NotImplemented", "A header you provided implies functionality that is not implemented"),
			func(c *storage.S3Config) { c.Checksum = "when_supported" },
			[]string{"storage.s3.checksum: when_required"},
		},
		"missing checksums": {refuse(400, "InvalidRequest", "Missing required header for this request: Content-MD5"), nil, []string{"storage.s3.checksum: when_supported"}},
		"overload":          {refuse(503, "SlowDown", "Reduce your request rate."), nil, []string{"503", "overloaded"}},
		"a full store":      {refuse(507, "XMinioStorageFull", "Storage backend has reached its minimum free drive threshold."), nil, []string{"full"}},
		"HTML with 200":     {html(200), nil, []string{"does not speak S3", "storage.s3.endpoint"}},
		"HTML with 405":     {html(405), nil, []string{"405", "in HTML", "storage.s3.endpoint"}},
		"HTML with 404":     {html(404), nil, []string{"404", "storage.s3.endpoint"}},
		"HTML of a proxy":   {html(502), nil, []string{"502", "proxy"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := fake(t, test.answer)
			if test.change != nil {
				test.change(&cfg)
			}
			checkError(t, open(t, cfg).Put(t.Context(), object("live/a/1.ts", "x")), test.want...)
		})
	}
}

// checkError checks that an error contains all the words and no secret, and that it is
// retryable.
func checkError(t *testing.T, err error, words ...string) {
	t.Helper()
	e, ok := errors.AsType[*storage.Error](err)
	if !ok {
		t.Fatalf("error is %v, want a *storage.Error", err)
	}
	for _, word := range words {
		if !strings.Contains(e.Error(), word) {
			t.Errorf("error is %q, want one that contains %q", e, word)
		}
	}
	if e.Hint == "" || !e.Retryable() {
		t.Errorf("error has hint %q and is retryable: %t, want a hint and true: %v", e.Hint, e.Retryable(), e)
	}
	if all := fmt.Sprintf("%v %+v", err, err); strings.Contains(all, testSecret) || strings.Contains(all, testKey) {
		t.Errorf("the error shows a key: %s", all)
	}
}

func TestPut_RefusalOfALargeObjectIsNotRetryable(t *testing.T) {
	b := open(t, fake(t, refuse(400, "EntityTooLarge", "Your proposed upload exceeds the maximum allowed size")))
	err := b.Put(t.Context(), object("live/a/1.ts", "x"))
	if e, ok := errors.AsType[*storage.Error](err); !ok || e.Retryable() {
		t.Errorf("error %v is retryable, want a permanent one", err)
	}
}

func TestGet_ErrorNamesTheSettingToChange(t *testing.T) {
	for name, test := range map[string]struct {
		answer http.HandlerFunc
		want   string
	}{
		"no permission": {refuse(403, "AccessDenied", "Access Denied"), "s3:GetObject"},
		"no bucket":     {refuse(404, "NoSuchBucket", "No bucket."), "storage.s3.bucket"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := open(t, fake(t, test.answer)).Get(t.Context(), "live/a/1.ts", 0, -1)
			checkError(t, err, test.want)
		})
	}
	_, err := open(t, fake(t, refuse(404, "NoSuchKey", "No key."))).Get(t.Context(), "live/a/1.ts", 0, -1)
	if !errors.Is(err, storage.ErrNotExist) {
		t.Errorf("NoSuchKey: error is %v, want %v", err, storage.ErrNotExist)
	}
}

func TestDelete_ErrorNamesTheMissingPermission(t *testing.T) {
	err := open(t, fake(t, refuse(403, "AccessDenied", "Access Denied"))).Delete(t.Context(), "live/a/1.ts")
	checkError(t, err, "s3:DeleteObject", "storage.s3.access_key")
}

func TestList_RefusesHTMLAndNamesTheSetting(t *testing.T) {
	cfg := fake(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = io.WriteString(w, "<!doctype html><br><title>Console</title>")
	})
	for _, err := range open(t, cfg).List(t.Context(), "live/") {
		checkError(t, err, "storage.s3.endpoint")
	}
}

func TestPut_ErrorNamesTheCauseOfAFailedConnection(t *testing.T) {
	ln, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = ln.Close()
	secure := httptest.NewTLSServer(refuse(500, "InternalError", ""))
	t.Cleanup(secure.Close)
	plain := httptest.NewServer(refuse(500, "InternalError", ""))
	t.Cleanup(plain.Close)
	otherName := strings.Replace(secure.URL, "127.0.0.1", "localhost", 1)
	_, port, _ := net.SplitHostPort(strings.TrimPrefix(secure.URL, "https://"))

	trusting := func(c storage.S3Config) storage.S3Config {
		c.CAFile = certificateOf(t, secure)
		return c
	}
	for name, test := range map[string]struct {
		cfg  storage.S3Config
		want string
	}{
		"no listener":                   {configAt("http://" + ln.Addr().String()), "nothing listens there"},
		"an unknown authority":          {configAt(secure.URL), "storage.s3.ca_file"},
		"a certificate of another host": {trusting(configAt(otherName)), "the certificate is for another host"},
		"no TLS":                        {configAt(strings.Replace(plain.URL, "http:", "https:", 1)), "write http://"},
		"no such host":                  {configAt("https://no-such-host.invalid:" + port), "storage.s3.endpoint"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			checkError(t, open(t, test.cfg).Put(t.Context(), object("live/a/1.ts", "x")), test.want)
		})
	}
}

// certificateOf writes the server's certificate to a file.
func certificateOf(tb testing.TB, server *httptest.Server) string {
	tb.Helper()
	file := filepath.Join(tb.TempDir(), "ca.pem")
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	if err := os.WriteFile(file, text, 0o600); err != nil {
		tb.Fatal(err)
	}
	return file
}

func TestNew_RefusesABadCAFile(t *testing.T) {
	cfg := configAt("https://127.0.0.1:1")
	cfg.CAFile = filepath.Join(t.TempDir(), "none.pem")
	if _, err := New(t.Context(), cfg); err == nil || !strings.Contains(err.Error(), "storage.s3.ca_file") {
		t.Error(err)
	}
	if err := os.WriteFile(cfg.CAFile, []byte("nothing"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := New(t.Context(), cfg); err == nil || !strings.Contains(err.Error(), "no certificate") {
		t.Error(err)
	}
}

// flakyStore keeps the last object put, and fails the first requests, before or after storing.
type flakyStore struct {
	body     atomic.Pointer[[]byte]
	requests atomic.Int32
	failures int32
	after    bool
}

func (s *flakyStore) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	fails := s.requests.Add(1) <= s.failures
	if fails && !s.after {
		refuse(503, "SlowDown", "Reduce your request rate.")(w, r)
		return
	}
	text, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	s.body.Store(&text)
	if fails {
		refuse(500, "InternalError", "We encountered an internal error.")(w, r)
		return
	}
	w.Header().Set("Etag", `"x"`)
}

func TestPut_SendsTheWholeObjectAgainAfterAFailure(t *testing.T) {
	want := bytes.Repeat([]byte("0123456789"), 100_000)
	slabs := [][]byte{want[:10], nil, want[10:400_000], want[400_000:]}
	for name, after := range map[string]bool{"500 after storing": true, "503 before": false} {
		t.Run(name, func(t *testing.T) {
			s := &flakyStore{failures: attempts - 1, after: after}
			b := open(t, fake(t, s.ServeHTTP))
			if err := b.Put(t.Context(), storage.Object{Key: "live/a/1.ts", Slabs: slabs}); err != nil {
				t.Fatal(err)
			}
			if s.requests.Load() != attempts || !bytes.Equal(*s.body.Load(), want) {
				t.Errorf("%d requests, stored %d bytes; want %d requests and all %d bytes", s.requests.Load(), len(*s.body.Load()), attempts, len(want))
			}
		})
	}
}

// TestPut_SendsNoHeadersThatOldStoresRefuse looks for the headers and trailers that
// R2, B2, OVH and older MinIO have refused.
func TestPut_SendsNoHeadersThatOldStoresRefuse(t *testing.T) {
	var got http.Header
	var length int64
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		got, length = r.Header, r.ContentLength
		if len(r.Trailer) > 0 || len(r.TransferEncoding) > 0 {
			t.Errorf("trailer %v, transfer encoding %v", r.Trailer, r.TransferEncoding)
		}
		w.Header().Set("Etag", `"x"`)
	}))
	t.Cleanup(server.Close)
	cfg := configAt(server.URL)
	cfg.CAFile = certificateOf(t, server)
	o := object("live/a/index.m3u8", "#EXTM3U")
	o.ContentType, o.CacheControl, o.ContentEncoding = "application/vnd.apple.mpegurl", "public, max-age=1", "gzip"
	if err := open(t, cfg).Put(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"X-Amz-Trailer", "X-Amz-Sdk-Checksum-Algorithm", "X-Amz-Checksum-Crc32", "X-Amz-Decoded-Content-Length", "X-Amz-Acl", "Expect", "If-None-Match", "Content-Md5"} {
		if got.Get(name) != "" {
			t.Errorf("sent the header %s: %s", name, got.Get(name))
		}
	}
	for name, want := range map[string]string{"Content-Type": o.ContentType, "Cache-Control": o.CacheControl, "Content-Encoding": o.ContentEncoding} {
		if got.Get(name) != want {
			t.Errorf("%s is %q, want %q", name, got.Get(name), want)
		}
	}
	if length != o.Size() {
		t.Errorf("Content-Length is %d, want %d", length, o.Size())
	}

	cfg.ACL = "public-read"
	if err := open(t, cfg).Put(t.Context(), o); err != nil || got.Get("X-Amz-Acl") != "public-read" {
		t.Errorf("with an ACL: sent %q, %v", got.Get("X-Amz-Acl"), err)
	}
	cfg.Checksum = "when_supported"
	if err := open(t, cfg).Put(t.Context(), o); err != nil || got.Get("X-Amz-Trailer") == "" {
		t.Errorf("with every checksum: sent %v, %v", got, err)
	}
}

func TestPut_RetriesIfTheStoreDoesNotAnswer(t *testing.T) {
	release := make(chan struct{})
	var requests atomic.Int32
	cfg := fake(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		if requests.Add(1) == 1 {
			select {
			case <-release:
			case <-r.Context().Done():
			}
			return
		}
		w.Header().Set("Etag", `"x"`)
	})
	defer close(release)
	b := open(t, cfg)
	b.http.timeout = 50 * time.Millisecond
	if err := b.Put(t.Context(), object("live/a/1.ts", "x")); err != nil {
		t.Fatal(err)
	}
	if requests.Load() != 2 {
		t.Errorf("%d requests, want 2: one without an answer and its retry", requests.Load())
	}
}

func TestPut_ErrorSaysThatTheStoreDoesNotAnswer(t *testing.T) {
	release := make(chan struct{})
	cfg := fake(t, func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-release:
		case <-r.Context().Done():
		}
	})
	defer close(release)
	b := open(t, cfg)
	b.http.timeout = 20 * time.Millisecond
	checkError(t, b.Put(t.Context(), object("live/a/1.ts", "x")), "no answer within", "slow or dead")
	if b.http.limit(0) <= b.http.timeout {
		t.Error("the time limit has not grown: an upload over a slow line would never succeed")
	}
}

func TestGet_EndsABodyThatStalls(t *testing.T) {
	release := make(chan struct{})
	cfg := fake(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "10")
		_, _ = io.WriteString(w, "01234")
		_ = http.NewResponseController(w).Flush()
		select {
		case <-release:
		case <-r.Context().Done():
		}
	})
	defer close(release)
	b := open(t, cfg)
	b.http.timeout = 50 * time.Millisecond
	r, err := b.Get(t.Context(), "live/a/1.ts", 0, -1)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(r.Body)
	if _, stalled := errors.AsType[*stalledError](err); string(text) != "01234" || !stalled {
		t.Errorf("read %q, error %v, want the 5 bytes that were sent and a stalledError", text, err)
	}
	_ = r.Close()
}

func TestPut_EndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("shutdown")
	cfg := fake(t, func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // net/http notices that a client has left only after the body is read
		cancel(why)
		<-r.Context().Done()
	})
	if err := open(t, cfg).Put(ctx, object("live/a/1.ts", "x")); !errors.Is(err, why) {
		t.Errorf("error is %v, want %v", err, why)
	}
}

// The clock of the store is two hours ahead.
func TestPut_SignsWithTheClockOfTheStore(t *testing.T) {
	var requests atomic.Int32
	now := time.Now().Add(2 * time.Hour).UTC()
	cfg := fake(t, func(w http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		w.Header().Set("Date", now.Format(http.TimeFormat))
		signed, err := time.Parse("20060102T150405Z", r.Header.Get("X-Amz-Date"))
		if err != nil || signed.Sub(now).Abs() > 15*time.Minute {
			refuse(403, "RequestTimeTooSkewed", "The difference is too large.")(w, r)
			return
		}
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Etag", `"x"`)
	})
	b := open(t, cfg)
	for _, want := range []int32{2, 3} { // the time is known from the second request on
		if err := b.Put(t.Context(), object("live/a/1.ts", "x")); err != nil || requests.Load() != want {
			t.Errorf("%d requests, want %d: %v", requests.Load(), want, err)
		}
	}
}

func TestGet_ReadsARangeFromAStoreWithoutRanges(t *testing.T) {
	cfg := fake(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "10")
		_, _ = io.WriteString(w, "0123456789")
	})
	r, err := open(t, cfg).Get(t.Context(), "live/a/1.ts", 3, 4)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(r.Body)
	if err = errors.Join(err, r.Close()); err != nil || string(text) != "3456" || r.Size != 10 {
		t.Errorf("read %q of an object of %d bytes, error %v; want 3456 of 10", text, r.Size, err)
	}
}

func TestPut_ErrorSaysThatThereAreNoCredentials(t *testing.T) {
	for _, name := range []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_CREDENTIALS_FULL_URI"} {
		t.Setenv(name, "")
	}
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	t.Setenv("HOME", t.TempDir())
	cfg := fake(t, refuse(403, "AccessDenied", ""))
	cfg.AccessKey, cfg.SecretKey = setting.Secret{}, setting.Secret{}
	checkError(t, open(t, cfg).Put(t.Context(), object("live/a/1.ts", "x")), "there are no credentials", "storage.s3.access_key")

	t.Setenv("AWS_ACCESS_KEY_ID", testKey)
	t.Setenv("AWS_SECRET_ACCESS_KEY", testSecret)
	checkError(t, open(t, cfg).Put(t.Context(), object("live/a/1.ts", "x")), "AccessDenied")
}
