package s3

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"golive/internal/setting"
	"golive/storage"
	"golive/storage/s3/s3test"
)

// outcomes returns a short form of the report: "put", "cors: warning", "delete: FAILED".
func outcomes(r Report) (all []string) {
	for _, f := range r {
		switch {
		case f.Err == nil:
			all = append(all, f.Step)
		case f.Warning:
			all = append(all, f.Step+": warning")
		default:
			all = append(all, f.Step+": FAILED")
		}
	}
	return all
}

func everyStep() []string {
	return []string{"put", "get", "range", "list", "headers", "encoding", "cors", "delete", "versions"}
}

func TestProbe_AcceptsAGoodBucket(t *testing.T) {
	server := s3test.Start(t)
	cfg := server.Config(t)
	server.AllowOrigin(t, cfg.Bucket, cfg.CORSOrigin)
	b := open(t, cfg)
	report := b.Probe(t.Context())
	if diff := cmp.Diff(everyStep(), outcomes(report)); diff != "" || report.Err() != nil {
		t.Errorf("steps (-want +got):\n%s%+v", diff, report)
	}
	for info, err := range b.List(t.Context(), "") {
		t.Errorf("the probe left %s, error %v", info.Key, err)
	}
}

func TestProbe_NamesTheWrongSetting(t *testing.T) {
	server := s3test.Start(t)
	tests := map[string]struct {
		change func(*storage.S3Config)
		want   string // of the first step's error
	}{
		"wrong key":    {func(c *storage.S3Config) { c.AccessKey = setting.NewSecret("AKIDUNKNOWN") }, "storage.s3.access_key"},
		"wrong secret": {func(c *storage.S3Config) { c.SecretKey = setting.NewSecret("not-the-secret") }, "storage.s3.secret_key"},
		"no bucket":    {func(c *storage.S3Config) { c.Bucket = "nobody-made-it" }, "storage.s3.bucket"},
		"wrong region": {func(c *storage.S3Config) { c.Region = "eu-north-1" }, "storage.s3.region: us-east-1"},
		"host style":   {func(c *storage.S3Config) { c.Endpoint, c.PathStyle = "http://s3.invalid", storage.SwitchOff }, "storage.s3.path_style: true"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			cfg := server.Config(t)
			test.change(&cfg)
			report := open(t, cfg).Probe(t.Context())
			if diff := cmp.Diff([]string{"put: FAILED"}, outcomes(report)); diff != "" {
				t.Fatalf("steps (-want +got):\n%s", diff)
			}
			checkError(t, report[0].Err, test.want)
		})
	}
}

func TestProbe_WarnsOfABucketWithoutCORS(t *testing.T) {
	cfg := s3test.Start(t).Config(t)
	report := open(t, cfg).Probe(t.Context())
	want := everyStep()
	want[6] = "cors: warning"
	if diff := cmp.Diff(want, outcomes(report)); diff != "" || report.Err() != nil {
		t.Fatalf("steps (-want +got):\n%s", diff)
	}
	checkError(t, report[6].Err, "AllowedOrigins https://example.com", "storage.s3.cors_origin")

	cfg.CORSOrigin = ""
	if got := outcomes(open(t, cfg).Probe(t.Context())); strings.Contains(fmt.Sprint(got), "cors") {
		t.Errorf("the CORS step was not skipped: %v", got)
	}
}

func TestProbe_WarnsOfVersionsThatAreNotDeleted(t *testing.T) {
	server := s3test.Start(t)
	cfg := server.Config(t)
	cfg.CORSOrigin = ""
	server.KeepVersions(t, cfg.Bucket)
	report := open(t, cfg).Probe(t.Context())
	last := report[len(report)-1]
	if last.Step != "versions" || !last.Warning || report.Err() != nil {
		t.Fatalf("steps are %v, want the last one to be a warning about versions", outcomes(report))
	}
	checkError(t, last.Err, "storage.s3.delete: versions")

	cfg.Delete = "versions"
	b := open(t, cfg)
	for range 3 {
		if err := b.Put(t.Context(), object("live/a/index.m3u8", "x")); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.Put(t.Context(), object("live/a/index.m3u8.old", "x")); err != nil {
		t.Fatal(err)
	}
	if err := b.Delete(t.Context(), "live/a/index.m3u8"); err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]int{"live/a/index.m3u8": 0, "live/a/index.m3u8.old": 1} {
		if left, err := b.versionsOf(t.Context(), key); err != nil || len(left) != want {
			t.Errorf("%s: versions left are %v, want %d; error %v", key, left, want, err)
		}
	}
	for _, f := range b.Probe(t.Context()) {
		if f.Err != nil {
			t.Errorf("step %s with delete: versions: %v", f.Step, f.Err)
		}
	}
}

// TestProbe_FindsEachMissingPermission forbids one kind of request to a good store.
func TestProbe_FindsEachMissingPermission(t *testing.T) {
	forbidden := refuse(403, "AccessDenied", "Access Denied")
	tests := map[string]struct {
		forbids func(*http.Request) bool
		want    map[string]string // step: a word of its error
	}{
		"to get":    {func(r *http.Request) bool { return r.Method == http.MethodGet && r.URL.Query().Get("list-type") == "" }, map[string]string{"get": "s3:GetObject", "range": "s3:GetObject"}},
		"to list":   {func(r *http.Request) bool { return r.URL.Query().Get("list-type") != "" }, map[string]string{"list": "s3:ListBucket"}},
		"to delete": {func(r *http.Request) bool { return r.Method == http.MethodDelete }, map[string]string{"delete": "s3:DeleteObject"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			store := &minimalStore{objects: make(map[string][]byte)}
			cfg := fake(t, func(w http.ResponseWriter, r *http.Request) {
				if test.forbids(r) {
					forbidden(w, r)
					return
				}
				store.ServeHTTP(w, r)
			})
			got := make(map[string]string)
			for _, f := range open(t, cfg).Probe(t.Context()) {
				if f.Err != nil && !f.Warning {
					got[f.Step] = f.Err.Error()
				}
			}
			for step, word := range test.want {
				if !strings.Contains(got[step], word) {
					t.Errorf("step %s: error is %q, want one that contains %s", step, got[step], word)
				}
				delete(got, step)
			}
			if len(got) > 0 {
				t.Errorf("other steps failed: %v", got)
			}
		})
	}
}

func TestProbe_WarnsOfAStoreThatDropsHeaders(t *testing.T) {
	store := &minimalStore{objects: make(map[string][]byte)}
	report := open(t, fake(t, store.ServeHTTP)).Probe(t.Context())
	want := everyStep()
	want[4], want[5], want[6] = "headers: warning", "encoding: warning", "cors: warning"
	if diff := cmp.Diff(want, outcomes(report)); diff != "" || report.Err() != nil {
		t.Errorf("steps (-want +got):\n%s%v", diff, report.Err())
	}
}

// minimalStore is a store that keeps no headers. It does not lock: the requests of a Probe come
// one after another.
type minimalStore struct{ objects map[string][]byte }

func (m *minimalStore) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	key := strings.TrimPrefix(r.URL.Path, "/clips/")
	text, ok := m.objects[key]
	switch {
	case r.Method == http.MethodPut:
		text, _ = io.ReadAll(r.Body)
		m.objects[key] = text
		w.Header().Set("Etag", `"x"`)
	case r.Method == http.MethodDelete:
		delete(m.objects, key)
		w.WriteHeader(http.StatusNoContent)
	case r.URL.Query().Has("versions"):
		refuse(501, "NotImplemented", "No versions here.")(w, r)
	case r.URL.Query().Has("list-type"):
		prefix := r.URL.Query().Get("prefix")
		_, _ = fmt.Fprintf(w, "<ListBucketResult><Contents><Key>%s</Key><Size>%d</Size></Contents></ListBucketResult>", prefix, len(m.objects[prefix]))
	case r.Method == http.MethodOptions:
		w.WriteHeader(http.StatusForbidden)
	case !ok:
		refuse(404, "NoSuchKey", "No such key.")(w, r)
	default:
		var from, to int
		if _, err := fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-%d", &from, &to); err == nil {
			w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, to, len(text)))
			w.WriteHeader(http.StatusPartialContent)
			text = text[from : to+1]
		}
		w.Header().Set("Content-Type", "application/octet-stream")
		_, _ = w.Write(text)
	}
}
