package s3

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	mathrand "math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"golive/storage"
)

// Finding is the result of one step of a Probe.
type Finding struct {
	// Step is put, get, range, list, delete, headers, encoding, versions or cors.
	Step string
	// Err is the problem, with the setting that may be wrong; nil when the step passed.
	Err error
	// Warning is true if golive can work with the bucket as it is.
	Warning bool
}

// Report is the result of a Probe, step by step.
type Report []Finding

// Err joins the errors with which golive cannot work; nil when there are none.
func (r Report) Err() error {
	var errs []error
	for _, f := range r {
		if f.Err != nil && !f.Warning {
			errs = append(errs, f.Err)
		}
	}
	return errors.Join(errs...)
}

// Passed reports whether the step was tried and passed.
func (r Report) Passed(step string) bool {
	return slices.ContainsFunc(r, func(f Finding) bool { return f.Step == step && f.Err == nil })
}

const (
	probeType     = "video/mp2t"
	probeMaxAge   = "public, max-age=60"
	probeEncoding = "gzip"
)

// probeRetryTime is how long a Probe repeats a step that a store refuses because it is
// overloaded, or limits the rate of requests. Many servers that start at once can cause
// that.
const probeRetryTime = 10 * time.Second

// Probe tries every kind of request that the bucket will get, with two small objects below
// the prefix that it deletes again. When nothing can be put it tries nothing else. A step
// that the store refuses only for now is repeated for up to ten seconds.
func (b *Bucket) Probe(ctx context.Context) Report {
	p := probe{Bucket: b, text: []byte("golive tries this bucket out: " + rand.Text()), until: time.Now().Add(probeRetryTime)}
	p.plain, p.zipped = b.probeKey+".ts", b.probeKey+".m3u8"
	for _, step := range []struct {
		name    string
		do      func(context.Context) error
		warning bool // golive can work without it
	}{
		{"put", p.put, false},
		{"get", func(ctx context.Context) error { return p.read(ctx, "get", 0, -1) }, false},
		{"range", func(ctx context.Context) error { return p.read(ctx, "range", 7, 5) }, false},
		{"list", p.list, false},
		{"headers", p.headers, true},
		{"encoding", p.encoding, true},
		{"cors", p.cors, true},
		{"delete", p.delete, false},
		{"versions", p.oldVersions, true},
	} {
		if step.name == "cors" && b.cfg.CORSOrigin == "" {
			continue
		}
		p.report = append(p.report, Finding{step.name, p.try(ctx, step.do), step.warning})
		if step.name == "put" && p.report.Err() != nil {
			break
		}
	}
	return p.report
}

// probe is one Probe.
type probe struct {
	*Bucket
	text          []byte
	plain, zipped string // keys
	report        Report
	until         time.Time // until when a step may be repeated
}

// try repeats a step as long as the store refuses it only for now.
func (p *probe) try(ctx context.Context, step func(context.Context) error) error {
	const longest = 2 * time.Second
	for wait := 250 * time.Millisecond; ; wait = min(2*wait, longest) {
		err := step(ctx)
		if !isTransient(err) || !time.Now().Add(max(wait, storage.RetryAfter(err))).Before(p.until) {
			return err
		}
		select {
		case <-time.After(max(wait/2+mathrand.N(wait/2), storage.RetryAfter(err))):
		case <-ctx.Done():
			return err
		}
	}
}

// isTransient reports whether the store refused something because it is overloaded or in
// trouble, which may be over in a moment.
func isTransient(err error) bool {
	r, ok := errors.AsType[*refusal](err)
	return ok && isServerFailure(r.status) && r.status != http.StatusNotImplemented && r.status != http.StatusInsufficientStorage
}

// failure returns a step's error in the form of a Bucket's errors.
func (p *probe) failure(step, hint, problem string, args ...any) error {
	return &storage.Error{Op: step, Key: p.plain, Err: fmt.Errorf(problem, args...), Hint: hint}
}

func (p *probe) put(ctx context.Context) error {
	return p.Put(ctx, storage.Object{Key: p.plain, Slabs: [][]byte{p.text}, ContentType: probeType, CacheControl: probeMaxAge})
}

const otherBytesHint = "a cache or proxy before the store changes answers: let storage.s3.endpoint be the store itself"

// read checks that the bytes come back that were put.
func (p *probe) read(ctx context.Context, step string, offset, length int64) error {
	r, err := p.Get(ctx, p.plain, offset, length)
	if err != nil {
		return err
	}
	got, err := io.ReadAll(r.Body)
	if err = errors.Join(err, r.Close()); err != nil {
		return p.wrap(ctx, storage.OpGet, p.plain, err)
	}
	want := p.text[offset:]
	if length >= 0 {
		want = want[:length]
	}
	if !bytes.Equal(got, want) {
		return p.failure(step, otherBytesHint, "other bytes came back than were put")
	}
	return nil
}

func (p *probe) list(ctx context.Context) error {
	for info, err := range p.List(ctx, p.plain) {
		if err != nil {
			return err
		}
		if info.Key == p.plain && info.Size == int64(len(p.text)) {
			return nil
		}
	}
	return p.failure(storage.OpList, otherBytesHint, "the object is not in the list, and was put")
}

// headers checks that the bucket serves objects with the headers with which they were put.
func (p *probe) headers(ctx context.Context) error {
	out, err := p.client.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &p.cfg.Bucket, Key: &p.plain})
	if err != nil {
		return p.wrap(ctx, storage.OpGet, p.plain, err)
	}
	if kept := aws.ToString(out.ContentType); kept != probeType {
		return p.failure("headers", "players that read the bucket itself may refuse it", "Content-Type came back as %q", kept)
	}
	if kept := aws.ToString(out.CacheControl); kept != probeMaxAge {
		return p.failure("headers", "caches that read the bucket itself will not know how long to keep objects", "Cache-Control came back as %q", kept)
	}
	return nil
}

// encoding checks that a gzipped object comes back as it was put, with its Content-Encoding.
func (p *probe) encoding(ctx context.Context) error {
	zipped := storage.Gzip([][]byte{p.text})
	err := p.Put(ctx, storage.Object{Key: p.zipped, Slabs: [][]byte{zipped}, ContentType: probeType, ContentEncoding: probeEncoding})
	if err != nil {
		return err
	}
	out, err := p.client.GetObject(ctx, &s3.GetObjectInput{Bucket: &p.cfg.Bucket, Key: &p.zipped})
	if err != nil {
		return p.wrap(ctx, storage.OpGet, p.zipped, err)
	}
	got, err := io.ReadAll(out.Body)
	if err = errors.Join(err, out.Body.Close()); err != nil {
		return p.wrap(ctx, storage.OpGet, p.zipped, err)
	}
	// SDKs may send a list of encodings, with "aws-chunked" left in it by some stores.
	if kept := aws.ToString(out.ContentEncoding); !strings.HasPrefix(kept, probeEncoding) || !bytes.Equal(got, zipped) {
		return p.failure("encoding", "playlists in it can only be kept plain", "Content-Encoding gzip came back as %q with %d of %d bytes", kept, len(got), len(zipped))
	}
	return nil
}

// delete removes the objects, if they exist.
func (p *probe) delete(ctx context.Context) error {
	return errors.Join(p.Delete(ctx, p.plain), p.Delete(ctx, p.zipped))
}

// oldVersions checks that no version of a deleted object stays in the bucket. A store that
// does not tell, or forbids the request, passes.
func (p *probe) oldVersions(ctx context.Context) error {
	versions, err := p.versionsOf(ctx, p.plain)
	if err != nil || len(versions) == 0 {
		return nil //nolint:nilerr // see above
	}
	if p.profile.versions {
		return p.failure("versions", "look for an object lock or a retention rule", "%d versions are left of a deleted object", len(versions))
	}
	return p.failure("versions", "set storage.s3.delete: versions, or give the bucket a lifecycle rule for old versions",
		"the bucket keeps versions: what is deleted fills it, and is paid for")
}

// cors sends the preflight request of a browser whose page plays from the bucket.
func (p *probe) cors(ctx context.Context) error {
	signed, err := s3.NewPresignClient(p.client).PresignGetObject(ctx, &s3.GetObjectInput{Bucket: &p.cfg.Bucket, Key: &p.plain})
	if err != nil {
		return p.wrap(ctx, "cors", p.plain, err)
	}
	address, _, _ := strings.Cut(signed.URL, "?")
	req, err := http.NewRequestWithContext(ctx, http.MethodOptions, address, http.NoBody)
	if err != nil {
		return p.wrap(ctx, "cors", p.plain, err)
	}
	req.Header.Set("Origin", p.cfg.CORSOrigin)
	req.Header.Set("Access-Control-Request-Method", http.MethodGet)
	req.Header.Set("Access-Control-Request-Headers", "range")
	resp, err := p.http.Do(req)
	if err != nil {
		return p.wrap(ctx, "cors", p.plain, err)
	}
	_ = resp.Body.Close()
	allowed := resp.Header.Get("Access-Control-Allow-Origin")
	if resp.StatusCode/100 == 2 && (allowed == "*" || allowed == p.cfg.CORSOrigin) {
		return nil
	}
	return p.failure("cors", "give the bucket a CORS rule with AllowedOrigins "+p.cfg.CORSOrigin+", AllowedMethods GET and HEAD, AllowedHeaders *; or set storage.s3.cors_origin to your page's origin, \"\" if players never read the bucket itself",
		"no CORS rule lets a page of %s play from the bucket (%d)", p.cfg.CORSOrigin, resp.StatusCode)
}
