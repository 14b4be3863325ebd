package hlscheck

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"slices"
	"strings"
	"time"
)

// kind is what a URL is expected to give.
type kind int

const (
	kindPlaylist kind = iota
	kindMedia
	kindProbe // is it still there?
)

// maxBody bounds what one answer may make us hold.
const maxBody = 256 << 20

// reply is one whole answer.
type reply struct {
	body    []byte
	etag    string
	arrived time.Time
	took    time.Duration
}

// statusError is an answer other than 200 (or 206 to a probe).
type statusError struct{ code int }

func (e *statusError) Error() string { return fmt.Sprintf("HTTP status %d", e.code) }

// gone says that err is an answer of 404 or 410.
func gone(err error) bool {
	s, ok := errors.AsType[*statusError](err)
	return ok && (s.code == http.StatusNotFound || s.code == http.StatusGone)
}

// unavailable says that err is an answer of 503.
func unavailable(err error) bool {
	s, ok := errors.AsType[*statusError](err)
	return ok && s.code == http.StatusServiceUnavailable
}

// get fetches u whole. Problems of form (MIME type, a body cut short) are
// violations; an answer that is no success is an error.
func (f *Follower) get(ctx context.Context, u string, what kind) (*reply, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u, http.NoBody)
	if err != nil {
		return nil, fmt.Errorf("get %s: %w", u, err)
	}
	switch what {
	case kindPlaylist:
		req.Header.Set("Accept-Encoding", "gzip")
	case kindMedia:
	case kindProbe:
		req.Header.Set("Range", "bytes=0-0")
	}
	begun := time.Now()
	resp, err := f.client.Do(req)
	if err != nil {
		return nil, fmt.Errorf("get: %w", err)
	}
	// The body was read to its end, or is of no interest.
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK && !(what == kindProbe && resp.StatusCode == http.StatusPartialContent) {
		return nil, fmt.Errorf("get %s: %w", u, &statusError{resp.StatusCode})
	}
	f.checkType(u, what, resp.Header.Get("Content-Type"))
	if what == kindProbe {
		return &reply{}, nil
	}
	body, err := readBody(resp)
	if err != nil {
		if errors.Is(err, io.ErrUnexpectedEOF) && ctx.Err() == nil {
			f.found.add(Violation{Rule: 9, URL: u, Text: "the answer was cut short"})
		}
		return nil, fmt.Errorf("read %s: %w", u, err)
	}
	now := time.Now()
	return &reply{body: body, etag: resp.Header.Get("ETag"), arrived: now, took: now.Sub(begun)}, nil
}

func readBody(resp *http.Response) ([]byte, error) {
	var r io.Reader = resp.Body
	if resp.Header.Get("Content-Encoding") == "gzip" {
		z, err := gzip.NewReader(resp.Body)
		if err != nil {
			return nil, fmt.Errorf("gzip: %w", err)
		}
		r = z
	}
	body, err := io.ReadAll(io.LimitReader(r, maxBody+1))
	if err != nil {
		return nil, err
	}
	if len(body) > maxBody {
		return nil, fmt.Errorf("the answer has more than %d bytes", maxBody)
	}
	return body, nil
}

// checkType is rule 45.
func (f *Follower) checkType(u string, what kind, header string) {
	allowed := []string{"video/mp2t", "video/mp4", "video/iso.segment", "audio/aac", "audio/mp4", "text/vtt"}
	if what == kindPlaylist {
		allowed = []string{"application/vnd.apple.mpegurl", "audio/mpegurl"}
	}
	if t, _, err := mime.ParseMediaType(header); err != nil || !slices.Contains(allowed, t) {
		// One violation for each kind of resource, not one for each segment.
		where := u
		if what != kindPlaylist {
			where = u[:strings.LastIndexByte(u, '/')+1]
		}
		f.found.add(Violation{Rule: 45, URL: where, Text: fmt.Sprintf("Content-Type is %q, want one of %v", header, allowed)})
	}
}
