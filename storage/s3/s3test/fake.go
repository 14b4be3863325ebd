package s3test

import (
	"cmp"
	"context"
	"crypto/md5"
	"encoding/hex"
	"encoding/xml"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golive/internal/setting"
	"golive/storage"
)

// Fake is a store in memory that answers the requests that golive sends to S3: put, get,
// head, delete and list, with the bucket in the path. A Behaviour makes it like one
// provider, or makes it fail.
type Fake struct {
	// URL is the store's endpoint.
	URL string
	// Handler answers the requests, for a test without a network.
	Handler http.Handler

	mu      sync.Mutex
	objects map[string]fakeObject // by BUCKET/KEY
	counts  map[string]int        // of requests, by method
}

type fakeObject struct {
	body     []byte
	header   http.Header
	modified time.Time
}

// Behaviour changes how a Fake answers.
type Behaviour func(next http.Handler) http.Handler

// NewFake runs a store until the test ends. A request passes the behaviours in their
// order.
func NewFake(tb testing.TB, behaviours ...Behaviour) *Fake {
	tb.Helper()
	f := &Fake{objects: make(map[string]fakeObject), counts: make(map[string]int)}
	var handler http.Handler = http.HandlerFunc(f.serve)
	for _, b := range slices.Backward(behaviours) {
		handler = b(handler)
	}
	f.Handler = handler
	server := httptest.NewUnstartedServer(handler)
	server.Config.ConnContext = func(ctx context.Context, c net.Conn) context.Context {
		return context.WithValue(ctx, connKey{}, c)
	}
	server.Start()
	tb.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
	})
	f.URL = server.URL
	return f
}

// connKey is the key of a request's connection in its context.
type connKey struct{}

// Config returns the configuration of a bucket of the store, without a CORS origin.
func (f *Fake) Config() storage.S3Config {
	cfg := storage.DefaultS3Config()
	cfg.Provider, cfg.Endpoint, cfg.Bucket, cfg.CORSOrigin = "custom", f.URL, "clips", ""
	cfg.AccessKey, cfg.SecretKey = setting.NewSecret(AccessKey), setting.NewSecret(SecretKey)
	return cfg
}

// Object returns the bytes at key in Config's bucket, and whether it is there.
func (f *Fake) Object(key string) ([]byte, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	o, ok := f.objects["clips/"+key]
	return o.body, ok
}

// Keys returns the keys in Config's bucket, sorted.
func (f *Fake) Keys() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var keys []string
	for path := range f.objects {
		keys = append(keys, strings.TrimPrefix(path, "clips/"))
	}
	slices.Sort(keys)
	return keys
}

// Count returns how many requests with the method have come through to the store.
func (f *Fake) Count(method string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.counts[method]
}

func (f *Fake) serve(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.counts[r.Method]++
	path := strings.TrimPrefix(r.URL.Path, "/")
	bucket, key, _ := strings.Cut(path, "/")
	o, found := f.objects[path]
	switch {
	case r.Method == http.MethodPut:
		f.put(w, r, path, body)
	case key == "":
		f.list(w, r, bucket)
	case r.Method == http.MethodDelete:
		delete(f.objects, path)
		w.WriteHeader(http.StatusNoContent)
	case !found:
		Refuse(w, r, http.StatusNotFound, "NoSuchKey", "The specified key does not exist.")
	default:
		maps.Copy(w.Header(), o.header)
		http.ServeContent(w, r, "", o.modified, strings.NewReader(string(o.body)))
	}
}

func (f *Fake) put(w http.ResponseWriter, r *http.Request, path string, body []byte) {
	sum := md5.Sum(body)
	header := http.Header{"Etag": {`"` + hex.EncodeToString(sum[:]) + `"`}}
	for _, name := range []string{"Content-Type", "Cache-Control", "Content-Encoding"} {
		if v := r.Header.Get(name); v != "" {
			header.Set(name, v)
		}
	}
	f.objects[path] = fakeObject{body: body, header: header, modified: time.Now()}
	w.Header().Set("Etag", header.Get("Etag"))
}

type listed struct {
	XMLName     xml.Name `xml:"ListBucketResult"`
	IsTruncated bool
	Contents    []listedObject
	Version     []listedObject
	Next        string `xml:"NextContinuationToken,omitempty"`
}

type listedObject struct {
	Key          string
	Size         int
	LastModified string
	VersionID    string `xml:"VersionId,omitempty"`
}

// list answers ListObjectsV2, and ListObjectVersions of a bucket that keeps none.
func (f *Fake) list(w http.ResponseWriter, r *http.Request, bucket string) {
	q := r.URL.Query()
	most, err := strconv.Atoi(cmp.Or(q.Get("max-keys"), "1000"))
	if err != nil {
		Refuse(w, r, http.StatusBadRequest, "InvalidArgument", "max-keys")
		return
	}
	var page listed
	for _, path := range slices.Sorted(maps.Keys(f.objects)) {
		key, ok := strings.CutPrefix(path, bucket+"/")
		if !ok || !strings.HasPrefix(key, q.Get("prefix")) || key <= q.Get("continuation-token") {
			continue
		}
		if len(page.Contents)+len(page.Version) == most {
			page.IsTruncated = true
			break
		}
		o := listedObject{Key: key, Size: len(f.objects[path].body), LastModified: f.objects[path].modified.UTC().Format(time.RFC3339)}
		page.Next = key
		if q.Has("versions") {
			o.VersionID = "null"
			page.Version = append(page.Version, o)
		} else {
			page.Contents = append(page.Contents, o)
		}
	}
	if !page.IsTruncated {
		page.Next = ""
	}
	w.Header().Set("Content-Type", "application/xml")
	_ = xml.NewEncoder(w).Encode(page) // the client may have left
}

// Refuse answers as S3 does.
func Refuse(w http.ResponseWriter, r *http.Request, status int, code, message string) {
	_, _ = io.Copy(io.Discard, r.Body) // the client may have left
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		_, _ = fmt.Fprintf(w, `<?xml version="1.0"?><Error><Code>%s</Code><Message>%s</Message></Error>`, code, message)
	}
}
