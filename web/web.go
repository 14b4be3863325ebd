package web

import (
	"bytes"
	"context"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"net/url"
	"strings"
	"time"

	"golive/ingest"
)

// Web is the pages. Its handlers may be called from many goroutines.
type Web struct {
	cfg    Config
	assets *assets
	pages  map[string]*template.Template
}

// page is what every template is given.
type page struct {
	Version string
	// HasHLS reports whether the program was built with hls.js, and HasScripts whether with the
	// scripts of the pages.
	HasHLS, HasScripts bool
	// Open, Server and Home are for the publishing panel.
	Open   bool
	Server string
	// ID is the broadcast of a player page, and Token the path segment of a playback token for it,
	// which may be empty.
	ID, Token string
	// Poster is the relative address of its picture, which may be empty, and PosterURL the whole address; URL
	// is the address of its page.
	Poster, PosterURL, URL string
	// Window is the seconds that a live broadcast can be rewound.
	Window int
	// Root is the relative address of the home page, with a slash at its end.
	Root string
}

// New reads the embedded files and parses the templates.
func New(cfg Config) (*Web, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("configure web: %w", err)
	}
	tree, err := fs.Sub(embeddedAssets, "assets")
	if err != nil {
		return nil, fmt.Errorf("open assets: %w", err)
	}
	files, err := loadAssets(tree)
	if err != nil {
		return nil, err
	}
	w := &Web{cfg: cfg, assets: files, pages: map[string]*template.Template{}}
	for _, name := range []string{"home", "watch", "embed", "missing"} {
		t, err := template.New(name+".html").
			Funcs(template.FuncMap{"asset": files.url}).
			ParseFS(embeddedTemplates, "templates/parts.html", "templates/"+name+".html")
		if err != nil {
			return nil, fmt.Errorf("parse page %s: %w", name, err)
		}
		w.pages[name] = t
	}
	return w, nil
}

// Register puts the pages on mux: GET /, /watch/{id} and /embed/{id}, both also with a playback token
// after the id, and /assets/.
func (w *Web) Register(mux *http.ServeMux) {
	mux.HandleFunc("GET /{$}", w.secured(w.home))
	for name, csp := range map[string]string{"watch": policy("'none'"), "embed": policy("*")} {
		player := w.secured(w.player(name, csp))
		mux.HandleFunc("GET /"+name+"/{id}", player)
		mux.HandleFunc("GET /"+name+"/{id}/{token}", player)
	}
	mux.Handle("GET /assets/{fingerprint}/{name...}", w.assets)
}

// secured redirects requests without TLS if Secure is set. The redirect is temporary: a
// browser would remember a permanent one when TLS is switched off again.
func (w *Web) secured(next http.HandlerFunc) http.HandlerFunc {
	if w.cfg.Secure == "" {
		return next
	}
	return func(rw http.ResponseWriter, r *http.Request) {
		if r.TLS != nil {
			next(rw, r)
			return
		}
		rw.Header().Set("Cache-Control", "no-store")
		http.Redirect(rw, r, w.cfg.Secure+r.URL.RequestURI(), http.StatusTemporaryRedirect) //nolint:gosec // Secure has the host; a request URI begins with a slash or a scheme
	}
}

func (w *Web) home(rw http.ResponseWriter, r *http.Request) {
	w.render(rw, "home", policy("'none'"), http.StatusOK, w.page(r, ""))
}

// player serves the page name for the broadcast in the path, whether it is live
// or not: the page waits for it.
func (w *Web) player(name, csp string) http.HandlerFunc {
	return func(rw http.ResponseWriter, r *http.Request) {
		id, token := r.PathValue("id"), r.PathValue("token")
		if ingest.CheckID(id) != nil || token != "" && !isToken(token) {
			w.render(rw, "missing", csp, http.StatusNotFound, w.page(r, ""))
			return
		}
		w.render(rw, name, csp, http.StatusOK, w.playerPage(r, id, token))
	}
}

// isToken reports whether a path segment has the form of a playback token: "~" and a JWT.
func isToken(segment string) bool {
	text, ok := strings.CutPrefix(segment, "~")
	return ok && strings.Trim(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.") == ""
}

func (w *Web) page(r *http.Request, id string) page {
	return page{
		Version: w.cfg.Version,
		HasHLS:  w.assets.files[hlsScript] != nil,

		HasScripts: w.assets.files[scripts+"home.js"] != nil,
		Open:       w.cfg.Open,
		Server:     publishServer(r.Host, w.cfg.RTMPPort),
		ID:         id,
		Window:     int(w.cfg.Window.Seconds()),
		Root:       root(r),
	}
}

// posterTimeout bounds how long a page waits for what is known of a poster in storage.
const posterTimeout = 300 * time.Millisecond

// playerPage is the page of a broadcast, for whoever has the token, which may be empty.
func (w *Web) playerPage(r *http.Request, id, token string) page {
	p, base := w.page(r, id), publicBase(r)
	p.Token = token
	p.URL = base + w.cfg.BasePath + withToken("/watch/"+url.PathEscape(id), token)
	if w.cfg.Poster == nil {
		return p
	}
	ctx, cancel := context.WithTimeout(r.Context(), posterTimeout)
	defer cancel()
	if path := w.cfg.Poster(ctx, id); path != "" {
		folder, file := path[:strings.LastIndex(path, "/")], path[strings.LastIndex(path, "/"):]
		path = withToken(folder, token) + file
		p.Poster = root(r) + strings.TrimPrefix(path, w.cfg.BasePath+"/")
		p.PosterURL = base + path
	}
	return p
}

// withToken returns the path with a token after it, which may be empty.
func withToken(path, token string) string {
	if token == "" {
		return path
	}
	return path + "/" + token
}

// root returns the relative address of the root from r's page. It is relative because a
// proxy may serve the pages below a path.
func root(r *http.Request) string {
	if n := strings.Count(r.URL.EscapedPath(), "/"); n > 1 {
		return strings.Repeat("../", n-1)
	}
	return "./"
}

func (w *Web) render(rw http.ResponseWriter, name, csp string, status int, p page) {
	var body bytes.Buffer
	if err := w.pages[name].Execute(&body, p); err != nil {
		// The data has no methods and the tests execute every template, so this
		// cannot be caused by the request.
		panic(fmt.Sprintf("web: page %s: %v", name, err))
	}
	h := rw.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	// A page names assets by fingerprint and the server by the visitor's own
	// Host: neither may be kept by a shared cache.
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", csp)
	h.Set("Referrer-Policy", "same-origin")
	h.Set("X-Content-Type-Options", "nosniff")
	rw.WriteHeader(status)
	// An error means that the client has left.
	_, _ = rw.Write(body.Bytes())
}

// policy is the Content-Security-Policy of a page that the given ancestors may
// frame. blob: is what Media Source Extensions and hls.js's worker need, data: is the
// empty text track that it makes for captions.
func policy(ancestors string) string {
	return "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; " +
		"connect-src 'self'; media-src 'self' blob: data:; worker-src 'self' blob:; " +
		"base-uri 'none'; form-action 'none'; frame-ancestors " + ancestors
}
