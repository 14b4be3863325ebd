package catalog

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"golive/media"
	"golive/storage"
)

// Manifest describes one broadcast for those who keep, continue or delete it. It
// is immutable: a change is a new one.
type Manifest struct {
	// ID is the broadcast's public name, which a later broadcast may have again;
	// Token is its own for all time.
	ID    string `json:"id"`
	Token string `json:"token"`
	// Renditions are the names of its renditions.
	Renditions []string `json:"renditions"`
	// Sessions are the tokens of its publications, in order: every segment has one
	// of them in its name.
	Sessions []string `json:"sessions"`
	// Target is EXT-X-TARGETDURATION in seconds, PartTarget is PART-TARGET in 90 kHz
	// ticks.
	Target     int         `json:"target"`
	PartTarget media.Ticks `json:"part_target"`
	// Began is when the broadcast began, Ended when it ended; zero before.
	Began time.Time `json:"began"`
	Ended time.Time `json:"ended,omitzero"`
}

// WithSession is the Manifest with one more publication.
func (m Manifest) WithSession(session string) Manifest {
	m.Sessions = append(slices.Clip(slices.Clone(m.Sessions)), session)
	return m
}

// HasAll says whether all of the sessions are the broadcast's.
func (m Manifest) HasAll(sessions []string) bool {
	for _, s := range sessions {
		if !m.Has(s) {
			return false
		}
	}
	return true
}

// Has says whether the session is one of the broadcast's.
func (m Manifest) Has(session string) bool { return slices.Contains(m.Sessions, session) }

const (
	jsonType = "application/json"
	// maxManifest bounds what is read back, in bytes: a session takes 13.
	maxManifest = 1 << 20
)

// Object is the Manifest as an object to put at key.
func (m Manifest) Object(key string) storage.Object {
	text, err := json.Marshal(m)
	if err != nil {
		panic("catalog: a manifest cannot be written: " + err.Error())
	}
	return storage.Object{Key: key, Slabs: [][]byte{text}, ContentType: jsonType, CacheControl: "no-store"}
}

// parse reads a Manifest back and checks that every name in it can be part of a
// key: what a sweep deletes is made of them.
func parse(text []byte) (Manifest, error) {
	var m Manifest
	if err := json.Unmarshal(text, &m); err != nil {
		return m, err
	}
	names := slices.Concat([]string{m.ID}, m.Renditions)
	for _, name := range names {
		if strings.Contains(name, "/") || storage.CheckKey(name) != nil {
			return m, fmt.Errorf("%q is not a name", name)
		}
	}
	for _, token := range append([]string{m.Token}, m.Sessions...) {
		if !validToken(token) {
			return m, fmt.Errorf("%q is not a token", token)
		}
	}
	return m, nil
}

// IsToken says whether t can be the token of a broadcast or of a publication.
func IsToken(t string) bool { return validToken(t) }

// validToken says whether t is letters and digits only: such a token ends where
// the next character begins, so that no other broadcast's names begin with it.
func validToken(t string) bool {
	return t != "" && len(t) <= 64 && strings.IndexFunc(t, func(r rune) bool {
		return (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
	}) < 0
}

// Found is a Manifest in a bucket.
type Found struct {
	Manifest
	// Key is the manifest's own; Touched is when it was last put.
	Key     string
	Touched time.Time
}

// Lives are the manifests of broadcasts that have not ended, in the order of
// their beginning. Those that cannot be read are left out, and told in the error.
func (l Layout) Lives(ctx context.Context, b storage.Bucket) ([]Found, error) {
	var found []Found
	var errs []error
	for info, err := range b.List(ctx, l.liveManifests()) {
		if err != nil {
			return found, errors.Join(append(errs, err)...)
		}
		f, err := read(ctx, b, info)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		found = append(found, f)
	}
	slices.SortStableFunc(found, func(a, b Found) int { return a.Began.Compare(b.Began) })
	return found, errors.Join(errs...)
}

// ReadLive is the manifest of the broadcast with that token, as long as it has not
// ended; storage.ErrNotExist when there is none.
func (l Layout) ReadLive(ctx context.Context, b storage.Bucket, id, token string) (Manifest, error) {
	if !validToken(token) {
		return Manifest{}, storage.ErrNotExist
	}
	f, err := read(ctx, b, storage.Info{Key: l.Live(id, token)})
	return f.Manifest, err
}

func read(ctx context.Context, b storage.Bucket, info storage.Info) (Found, error) {
	text, err := ReadText(ctx, b, info.Key, maxManifest)
	if err != nil {
		return Found{}, err
	}
	m, err := parse(text)
	if err != nil {
		return Found{}, fmt.Errorf("manifest %s: %w", info.Key, err)
	}
	return Found{Manifest: m, Key: info.Key, Touched: info.Modified}, nil
}

// ReadText is a whole object of at most limit bytes; one that was stored
// compressed is unpacked, to at most limit.
func ReadText(ctx context.Context, b storage.Bucket, key string, limit int64) ([]byte, error) {
	r, err := b.Get(ctx, key, 0, -1)
	if err != nil {
		return nil, err
	}
	text, err := readAll(r.Body, limit)
	if err == nil && isGzip(text) {
		text, err = gunzip(text, limit)
	}
	if err = errors.Join(err, r.Close()); err != nil {
		return nil, fmt.Errorf("read %s: %w", key, err)
	}
	return text, nil
}

func readAll(r io.Reader, limit int64) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err == nil && int64(len(text)) > limit {
		err = fmt.Errorf("it has more than %d bytes", limit)
	}
	return text, err
}
