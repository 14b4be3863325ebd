package web

import (
	"context"
	"time"

	"golive/internal/setting"
)

// Config is what the pages show a broadcaster. It has no section in the configuration
// file: cmd/golive fills it from those of other packages.
type Config struct {
	// RTMPPort is the TCP port that encoders publish to, from 1 to 65535.
	RTMPPort int
	// Open allows anyone to publish under any free name; otherwise the pages ask for a
	// stream key.
	Open bool
	// Secure is the https:// address, without a slash at its end, to which visitors
	// without TLS are redirected; empty is off.
	Secure string
	// Window is how far back the server keeps a live broadcast, as playlist.window.
	Window time.Duration
	// BasePath is the path below which viewers reach the pages, as origin.base_path.
	BasePath string
	// Poster returns the path of a broadcast's poster, or "" if it has none; nil is none of any. Its
	// context ends soon.
	Poster func(ctx context.Context, id string) string
	// PosterSize is the longer side of a poster, at most, in pixels, as pictures.poster_size.
	PosterSize int
	// OpenAPI reports that the API believes every user, as api.open: then the pages take a name of
	// their own, and otherwise they need a token of the app's.
	OpenAPI bool
	// About returns what strangers may know of a broadcast, or of the one that the channel "@NAME" leads
	// to, from memory; nil knows nothing of any.
	About func(id string) (About, bool)
	// PublicURL returns api.public_url, where the broadcast screen publishes to; "" or nil is the page's host.
	PublicURL func() string
	// Version is the program's version, shown at the foot of the home page.
	Version string
}

// About is what strangers may know of a broadcast.
type About struct {
	ID    string
	Title string // may be empty
}

// Validate reports every wrong value.
func (c Config) Validate() error {
	var p setting.Problems
	if c.RTMPPort < 1 || c.RTMPPort > 65535 {
		p.Add("rtmp_port", "1935 is RTMP's own", "must be from 1 to 65535")
	}
	return p.Err()
}
