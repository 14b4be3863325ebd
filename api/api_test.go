package api

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

type catalogue []Broadcast

func (s catalogue) Broadcasts() []Broadcast { return s }

func (s catalogue) Broadcast(_ context.Context, id string) (Broadcast, error) {
	if id == "unreadable" {
		return Broadcast{}, errors.New("too much is read from storage at once")
	}
	for _, b := range s {
		if b.ID == id {
			return b, nil
		}
	}
	return Broadcast{}, ErrNotFound
}

func (s catalogue) Live(id string) (Broadcast, bool) {
	for _, b := range s {
		if b.ID == id {
			return b, true
		}
	}
	return Broadcast{}, false
}

func serve(t *testing.T, d Directory) http.Handler {
	t.Helper()
	mux := http.NewServeMux()
	if _, err := Register(mux, DefaultConfig(), Parts{Server: Server{Version: "test"}, Directory: d}); err != nil {
		t.Fatal(err)
	}
	return mux
}

func get(h http.Handler, path string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
	return w
}

func studio() Broadcast {
	started := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	return Broadcast{
		ID: "studio", State: "live", StartedAt: &started,
		Playlist: "/live/studio/index.m3u8", PlaylistTS: "/live/studio/ts.m3u8", Encoder: "obs", Viewers: 3, StorageLag: 2.5, Warnings: []Warning{},
		Renditions: []Rendition{{Name: "source", Codecs: "avc1.64001f", Width: 1280, Height: 720, FrameRate: 30, Bandwidth: 5, AverageBandwidth: 4}},
	}
}

func TestAPI_BroadcastListHasTheDocumentedJSON(t *testing.T) {
	got := get(serve(t, catalogue{studio()}), "/v1/broadcasts")
	want := `{"broadcasts":[{"id":"studio","state":"live","started_at":"2026-01-02T03:04:05Z","ended_at":null,` +
		`"playlist":"/live/studio/index.m3u8","playlist_ts":"/live/studio/ts.m3u8","replay":null,"poster":null,"storyboard":null,"encoder":"obs","viewers":3,"storage_error":null,"storage_lag":2.5,"warnings":[],"renditions":[{"name":"source","codecs":"avc1.64001f",` +
		`"width":1280,"height":720,"frame_rate":30,"bandwidth":5,"average_bandwidth":4}],"transcoding":null,` +
		`"title":"","channel":"","visibility":"public","test":false,"created_at":null,"scheduled_start":null}]}` + "\n"
	if diff := cmp.Diff(want, got.Body.String()); diff != "" {
		t.Error(diff)
	}
	if empty := get(serve(t, catalogue{}), "/v1/broadcasts").Body.String(); empty != "{\"broadcasts\":[]}\n" {
		t.Errorf("without broadcasts: %q", empty)
	}
}

func TestAPI_OneBroadcastOr404(t *testing.T) {
	h := serve(t, catalogue{studio()})
	if w := get(h, "/v1/broadcasts/studio"); w.Code != 200 || !strings.Contains(w.Body.String(), `"id":"studio"`) {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if w := get(h, "/v1/broadcasts/nobody"); w.Code != 404 || !strings.Contains(w.Body.String(), "no such broadcast") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if w := get(h, "/v1/broadcasts/unreadable"); w.Code != 503 || !strings.Contains(w.Body.String(), "too much is read") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestAPI_DocumentDescribesWhatIsServed(t *testing.T) {
	h := serve(t, catalogue{studio()})
	var doc struct {
		OpenAPI string
		Paths   map[string]any
	}
	if err := json.Unmarshal(get(h, "/v1/openapi.json").Body.Bytes(), &doc); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(doc.OpenAPI, "3.1") || doc.Paths["/v1/broadcasts"] == nil || doc.Paths["/v1/broadcasts/{id}"] == nil {
		t.Errorf("%+v", doc)
	}
	page := get(h, "/v1/docs")
	for _, want := range []string{"/v1/broadcasts/{id}", "average_bandwidth", "storage_lag", "starting | live | reconnecting | ended", "list of Rendition"} {
		if !strings.Contains(page.Body.String(), want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	if strings.Contains(page.Body.String(), "http://") || strings.Contains(page.Body.String(), "https://") {
		t.Error("the page refers to another host")
	}
}
