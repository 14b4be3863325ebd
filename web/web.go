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
	build
	sharing
	// OpenAPI: the API believes every user. Open and Server are for encoders: anyone may publish, and
	// where to.
	OpenAPI, Open bool
	Server        string
	// ID is the broadcast of a player page, and Token the path segment of a playback token for it,
	// which may be empty. Title is what people call it: its title, or else its id.
	ID, Token, Title string
	// Poster is the relative address of its picture, which may be empty.
	Poster string
	// Window is the seconds that a live broadcast can be rewound.
	Window int
	// Root is the relative address of the home page, with a slash at its end.
	Root string
}

// build tells what the program was built with.
type build struct {
	Version string
	// HasHLS reports whether it has hls.js, and HasScripts whether the scripts of the pages.
	HasHLS, HasScripts bool
}

// sharing has the whole addresses of a player page, for other sites.
type sharing struct {
	// PosterURL may be empty.
	URL, EmbedURL, OEmbedURL, PosterURL string
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
	for _, name := range []string{"home", "golive", "studio", "watch", "embed", "missing"} {
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

// Register puts the pages on mux: GET /, /golive, /studio, /watch/{id} and /embed/{id}, the last two also
// with a playback token after the id, /v1/oembed and /assets/.
func (w *Web) Register(mux *http.ServeMux) {
	for path, name := range map[string]string{"/{$}": "home", "/golive": "golive", "/studio": "studio"} {
		mux.HandleFunc("GET "+path, w.secured(w.plain(name)))
	}
	for name, csp := range map[string]string{"watch": policy("'none'", ""), "embed": policy("*", "")} {
		player := w.secured(w.player(name, csp))
		mux.HandleFunc("GET /"+name+"/{id}", player)
		mux.HandleFunc("GET /"+name+"/{id}/{token}", player)
	}
	mux.HandleFunc("GET /v1/oembed", w.oembed)
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

// plain serves a page that is about no broadcast.
func (w *Web) plain(name string) http.HandlerFunc {
	return func(rw http.ResponseWriter, r *http.Request) {
		w.render(rw, name, policy("'none'", w.ingest(name)), http.StatusOK, w.page(r, ""))
	}
}

// ingest returns the source of a policy, after a space, that the page name publishes to by WHIP if that is not
// its own. (The WebSocket is the worker's, which the policy of the page does not bind.)
func (w *Web) ingest(name string) string {
	if name != "golive" || w.cfg.PublicURL == nil {
		return ""
	}
	u, err := url.Parse(w.cfg.PublicURL())
	if err != nil || u.Host == "" {
		return ""
	}
	return " " + u.Scheme + "://" + u.Host
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
		build: build{
			Version:    w.cfg.Version,
			HasHLS:     w.assets.files[hlsScript] != nil && w.assets.files[lightScript] != nil,
			HasScripts: w.assets.files[scripts+"home.js"] != nil,
		},
		OpenAPI: w.cfg.OpenAPI,
		Open:    w.cfg.Open,
		Server:  publishServer(r.Host, w.cfg.RTMPPort),
		ID:      id,
		Title:   id,
		Window:  int(w.cfg.Window.Seconds()),
		Root:    root(r),
	}
}

// lookTimeout bounds how long a page waits for what is known of a broadcast in storage.
const lookTimeout = 300 * time.Millisecond

// playerPage is the page of a broadcast, for whoever has the token, which may be empty.
func (w *Web) playerPage(r *http.Request, id, token string) page {
	p, base := w.page(r, id), publicBase(r)
	ctx, cancel := context.WithTimeout(r.Context(), lookTimeout)
	defer cancel()
	p.Token = token
	if a, ok := w.about(id); ok && a.Title != "" {
		p.Title = a.Title
	}
	at := base + w.cfg.BasePath
	p.URL = at + withToken("/watch/"+url.PathEscape(id), token)
	p.EmbedURL = at + withToken("/embed/"+url.PathEscape(id), token)
	p.OEmbedURL = at + "/v1/oembed?url=" + url.QueryEscape(p.URL)
	if path := w.poster(ctx, id, token); path != "" {
		p.Poster = root(r) + strings.TrimPrefix(path, w.cfg.BasePath+"/")
		p.PosterURL = base + path
	}
	return p
}

func (w *Web) about(id string) (About, bool) {
	if w.cfg.About == nil {
		return About{}, false
	}
	return w.cfg.About(id)
}

// poster returns the path of a broadcast's poster with a token, which may be empty; empty if there is none.
func (w *Web) poster(ctx context.Context, id, token string) string {
	if w.cfg.Poster == nil {
		return ""
	}
	path := w.cfg.Poster(ctx, id)
	if path == "" {
		return ""
	}
	cut := strings.LastIndex(path, "/")
	return withToken(path[:cut], token) + path[cut:]
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
// frame, and that connects to its own host and to other sources, with a space before
// each. blob: is what Media Source Extensions and hls.js's worker need, data: is the
// empty text track that it makes for captions.
func policy(ancestors, others string) string {
	return "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; " +
		"connect-src 'self'" + others + "; media-src 'self' blob: data:; worker-src 'self' blob:; " +
		"base-uri 'none'; form-action 'none'; frame-ancestors " + ancestors
}
