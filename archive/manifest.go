package archive

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"

	"golive/storage"
)

const (
	jsonType = "application/json"
	// maxManifest bounds a manifest that is read, in bytes: a publication takes 13.
	maxManifest = 1 << 20
)

// Object returns the header as a manifest: an object of its own, at key, by which a
// broadcast is found without a list of its objects.
func (h *Header) Object(key string) storage.Object {
	text, err := json.Marshal(h)
	if err != nil {
		panic("archive: manifest cannot be written: " + err.Error())
	}
	return storage.Object{Key: key, Slabs: [][]byte{text}, ContentType: jsonType, CacheControl: "no-store"}
}

// ManifestKeys lists the keys of manifests that begin with prefix, in order, without reading
// the manifests. A broadcast may come twice while it ends.
func (l Layout) ManifestKeys(ctx context.Context, b storage.Bucket, prefix string) iter.Seq2[ManifestKey, error] {
	return func(yield func(ManifestKey, error) bool) {
		for info, err := range b.List(ctx, prefix) {
			if err != nil {
				yield(ManifestKey{}, err)
				return
			}
			if n, ok := l.parseManifestKey(info.Key); ok && !yield(n, nil) {
				return
			}
		}
	}
}

// ReadManifest reads a manifest. Every name in it can be part of a key: a sweep makes the
// keys that it deletes of them.
func ReadManifest(ctx context.Context, b storage.Bucket, key string) (Header, error) {
	text, err := storage.ReadText(ctx, b, key, maxManifest)
	if err != nil {
		return Header{}, err
	}
	var h Header
	if err = json.Unmarshal(text, &h); err == nil {
		err = h.check()
	}
	if err != nil {
		return Header{}, fmt.Errorf("manifest %s: %w", key, err)
	}
	return h, nil
}

// HasSegment reports whether the rendition has, or had, a segment of that number which
// is not deleted.
func (h *Header) HasSegment(rendition string, msn int64) bool {
	p, ok := h.Positions[rendition]
	return ok && msn > p.Removed && msn < p.Next
}
