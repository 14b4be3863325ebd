package publisher

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"
)

const defaultPort = "1935"

// Config configures what to publish and where.
type Config struct {
	// URL is rtmp://HOST[:PORT]/APP/NAME. With more than one stream, -1, -2 and so
	// on are added to NAME.
	URL string
	// Streams is the number of streams, at least 1.
	Streams int
	// Duration is the duration of each stream; 0 means until the context is done.
	Duration time.Duration
	// Spread is the time over which the starts of several streams are spread, so
	// that their key frames do not come at once.
	Spread time.Duration
	// Source is an FLV file, which is published in a loop. It is not modified.
	Source []byte
	// Report, if not nil, is called for each stream at its end and every ReportEvery before,
	// from several goroutines.
	Report func(Report)
	// ReportEvery is the time between two reports; 0 means only at the end.
	ReportEvery time.Duration
	// Dial, if not nil, makes the connections instead of a net.Dialer.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}

// Report is the state of a stream.
type Report struct {
	// Stream is the stream's number, from 1.
	Stream int
	// Elapsed is how long the stream has been publishing.
	Elapsed time.Duration
	// Tags and Bytes are the numbers of tags and bytes that were sent.
	Tags, Bytes int64
	// Lag is how much later than due the last tag was sent; MaxLag is the largest Lag so far.
	Lag, MaxLag time.Duration
	// Done is set if the stream has ended.
	Done bool
}

// DefaultConfig returns a configuration for one stream until the context is done.
func DefaultConfig() Config {
	return Config{Streams: 1, Spread: 2 * time.Second, ReportEvery: 10 * time.Second}
}

// Validate returns an error for every invalid value.
func (c Config) Validate() error {
	var errs []error
	if _, err := parseTarget(c.URL); err != nil {
		errs = append(errs, err)
	}
	if c.Streams < 1 {
		errs = append(errs, fmt.Errorf("publisher: %d streams, want at least 1", c.Streams))
	}
	if c.Duration < 0 || c.Spread < 0 || c.ReportEvery < 0 {
		errs = append(errs, errors.New("publisher: a duration is negative"))
	}
	return errors.Join(errs...)
}

// target is a parsed URL.
type target struct {
	address string // HOST:PORT
	app     string
	tcURL   string
	name    string // the stream's name; may be a secret key
	query   string // with its question mark, or empty
}

// parseTarget parses a URL. The name is the part after the last slash.
func parseTarget(s string) (target, error) {
	u, err := url.Parse(s)
	if err != nil {
		// The URL may hold a secret key: return the cause without the URL.
		if e, ok := errors.AsType[*url.Error](err); ok {
			err = e.Err
		}
		return target{}, fmt.Errorf("publisher: read URL: %w", err)
	}
	if u.Scheme != "rtmp" {
		return target{}, fmt.Errorf("publisher: scheme %q of the URL is not rtmp", u.Scheme)
	}
	path := strings.Trim(u.EscapedPath(), "/") // names are sent as they were typed
	slash := strings.LastIndexByte(path, '/')
	if u.Hostname() == "" || slash < 1 {
		return target{}, errors.New("publisher: the URL is not rtmp://HOST[:PORT]/APP/NAME")
	}
	t := target{address: u.Host, app: path[:slash], name: path[slash+1:]}
	if u.Port() == "" {
		t.address = net.JoinHostPort(u.Hostname(), defaultPort)
	}
	t.tcURL = "rtmp://" + t.address + "/" + t.app
	if u.RawQuery != "" {
		t.query = "?" + u.RawQuery
	}
	return t, nil
}

// streamName returns the name that stream number n of count publishes under.
func (t target) streamName(n, count int) string {
	if count == 1 {
		return t.name + t.query
	}
	return t.name + "-" + strconv.Itoa(n) + t.query
}
