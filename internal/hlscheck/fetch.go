package hlscheck

import (
	"cmp"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"
)

// kind is the expected type of a resource.
type kind int

const (
	kindPlaylist kind = iota
	kindMedia
	kindProbe // only check whether it exists
)

// maxBody is the maximum size of a response body.
const maxBody = 256 << 20

// defaultTimeout is the default time limit for a complete response.
const defaultTimeout = 10 * time.Second

// fetcher fetches resources, and checks how they are served: rules 9 and 44 to 48.
type fetcher struct {
	client    *http.Client
	found     *violations
	rendition string
}

// request is a resource to fetch.
type request struct {
	url  string
	kind kind
	// place is its name in violations; url if it is empty. That of a playlist has no delivery
	// directives.
	place string
	// limit is the time limit for the complete response; defaultTimeout if it is 0.
	limit time.Duration
	// bytes is the range to fetch; zero means the whole resource.
	bytes ByteRange
}

// reply is a complete response.
type reply struct {
	body   []byte
	header http.Header
	// base is the base URL of relative URIs in it.
	base string
	// http1 is set if it was sent over HTTP/1 inside TLS, although HTTP/2 was possible.
	http1   bool
	arrived time.Time
	took    time.Duration
}

// statusError is a response with a status that is not a success.
type statusError struct{ code int }

func (e *statusError) Error() string { return fmt.Sprintf("HTTP status %d", e.code) }

// slowError reports that a response was not complete in time.
type slowError struct{ limit time.Duration }

func (e *slowError) Error() string { return fmt.Sprintf("no whole answer within %v", e.limit) }

// statusOf returns the HTTP status in err, or 0 if it has none.
func statusOf(err error) int {
	if s, ok := errors.AsType[*statusError](err); ok {
		return s.code
	}
	return 0
}

// isGone reports whether err is a response with status 404 or 410.
func isGone(err error) bool {
	s := statusOf(err)
	return s == http.StatusNotFound || s == http.StatusGone
}

// isTimeout reports whether err is a response that was not complete in time.
func isTimeout(err error) bool {
	_, ok := errors.AsType[*slowError](err)
	return ok
}

// get fetches a resource. A wrong MIME type or a truncated body is a violation; an
// unsuccessful status is an error.
func (f *fetcher) get(ctx context.Context, ask request) (*reply, error) {
	ask.place = cmp.Or(ask.place, ask.url)
	limit := cmp.Or(ask.limit, defaultTimeout)
	limited, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	r, err := f.do(limited, ask)
	if err != nil && limited.Err() != nil && ctx.Err() == nil {
		err = &slowError{limit}
	}
	return r, err
}

func (f *fetcher) do(ctx context.Context, ask request) (*reply, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, ask.url, http.NoBody)
	if err != nil {
		return nil, err
	}
	partial := ask.kind == kindProbe || ask.bytes.Length > 0
	switch {
	case ask.kind == kindPlaylist:
		req.Header.Set("Accept-Encoding", "gzip")
	case ask.bytes.Length > 0:
		req.Header.Set("Range", ask.bytes.header())
	case ask.kind == kindProbe:
		req.Header.Set("Range", "bytes=0-0")
	}
	begun := time.Now()
	resp, err := f.client.Do(req)
	if err != nil {
		return nil, err
	}
	// The body was read to its end, or is not needed.
	defer func() { _ = resp.Body.Close() }()
	f.checkTransport(ask, req, resp)
	if resp.StatusCode != http.StatusOK && !(partial && resp.StatusCode == http.StatusPartialContent) {
		return nil, &statusError{resp.StatusCode}
	}
	if ask.kind == kindPlaylist {
		f.checkPlaylistType(ask.place, resp.Header)
	}
	if ask.kind == kindProbe {
		return &reply{}, nil
	}
	body, err := readBody(resp)
	if err != nil {
		if errors.Is(err, io.ErrUnexpectedEOF) && ctx.Err() == nil {
			f.add(9, ask.place, "the response was truncated")
		}
		return nil, fmt.Errorf("read: %w", err)
	}
	if ask.bytes.Length > 0 && resp.StatusCode == http.StatusOK {
		body = ask.bytes.cut(body)
	}
	if ask.kind == kindMedia {
		f.checkMediaType(ask.url, resp.Header, body)
	}
	now := time.Now()
	return &reply{
		body: body, header: resp.Header, base: resp.Request.URL.String(),
		http1: resp.TLS != nil && resp.ProtoMajor < 2, arrived: now, took: now.Sub(begun),
	}, nil
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

func (f *fetcher) add(rule int, url, format string, args ...any) {
	f.found.add(Violation{Rule: rule, Rendition: f.rendition, URL: url, Text: fmt.Sprintf(format, args...)})
}
