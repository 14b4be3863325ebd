package web

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strings"
	"time"

	"golive/httpserver"
)

// The build puts hls.js and the scripts of the pages here; without it they are missing.
const (
	hlsScript   = "vendor/hls.min.js"
	lightScript = "vendor/hls.light.min.js"
	scripts     = "js/"
)

//go:embed assets
var embeddedAssets embed.FS

//go:embed templates
var embeddedTemplates embed.FS

// asset is one file as it is served: plain, and gzipped where that is smaller.
type asset struct {
	name, contentType, etag string
	plain, zipped           []byte
}

// assets is the whole tree under one fingerprint, so that modules can import
// each other by relative path and still be cached for ever.
type assets struct {
	files       map[string]*asset
	fingerprint string
}

// loadAssets reads, compresses and fingerprints every file of fsys.
func loadAssets(fsys fs.FS) (*assets, error) {
	a := &assets{files: map[string]*asset{}}
	all := sha256.New()
	err := fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || path.Ext(name) == ".md" {
			return err
		}
		content, err := fs.ReadFile(fsys, name)
		if err != nil {
			return err
		}
		f, err := newAsset(name, content)
		if err != nil {
			return err
		}
		a.files[name] = f
		fmt.Fprintf(all, "%s %s\n", name, f.etag) // a hash's Write never fails
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read assets: %w", err)
	}
	a.fingerprint = hex.EncodeToString(all.Sum(nil))[:12]
	return a, nil
}

func newAsset(name string, content []byte) (*asset, error) {
	sum := sha256.Sum256(content)
	f := &asset{name: name, contentType: contentType(name), etag: `"` + hex.EncodeToString(sum[:8]) + `"`, plain: content}
	var zipped bytes.Buffer
	w := gzip.NewWriter(&zipped)
	if _, err := w.Write(content); err != nil {
		return nil, fmt.Errorf("gzip %s: %w", name, err)
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("gzip %s: %w", name, err)
	}
	if zipped.Len() < len(content) {
		f.zipped = zipped.Bytes()
	}
	return f, nil
}

// contentType does not ask the system's MIME tables first: they differ between
// machines, and a module with a wrong type does not run.
func contentType(name string) string {
	switch path.Ext(name) {
	case ".js":
		return "text/javascript; charset=utf-8"
	case ".css":
		return "text/css; charset=utf-8"
	case ".svg":
		return "image/svg+xml"
	}
	if t := mime.TypeByExtension(path.Ext(name)); t != "" {
		return t
	}
	return "application/octet-stream"
}

// url is the fingerprinted path of the asset name, relative to the root. An unknown name is a bug in a
// template; the error surfaces when the templates are first executed, in tests.
func (a *assets) url(name string) (string, error) {
	if a.files[name] == nil && !strings.HasPrefix(name, scripts) {
		return "", fmt.Errorf("no asset %q", name)
	}
	return "assets/" + a.fingerprint + "/" + name, nil
}

// ServeHTTP answers GET /assets/{fingerprint}/{name...}. A fingerprint that is
// not ours (a page of another version, while nodes are being replaced) gets our
// file, but must not keep it under that name.
func (a *assets) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f := a.files[r.PathValue("name")]
	if f == nil {
		http.NotFound(w, r)
		return
	}
	h := w.Header()
	if r.PathValue("fingerprint") == a.fingerprint {
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	} else {
		h.Set("Cache-Control", "no-cache")
	}
	h.Set("Content-Type", f.contentType)
	h.Set("X-Content-Type-Options", "nosniff")
	body, etag := f.plain, f.etag
	if f.zipped != nil {
		h.Set("Vary", "Accept-Encoding")
		if httpserver.AcceptsGzip(r.Header["Accept-Encoding"]) {
			h.Set("Content-Encoding", "gzip")
			// Another representation needs another strong tag (RFC 9110 section 8.8.3.3).
			body, etag = f.zipped, strings.TrimSuffix(f.etag, `"`)+`-gzip"`
		}
	}
	h.Set("ETag", etag)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(body))
}
