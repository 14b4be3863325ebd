//go:build e2e

package product

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golive/e2e/harness"
	"golive/internal/hlscheck"
)

// openToUsers accepts the users of the development mode, and no publisher without a key.
const openToUsers = "api: { open: true }\ningest: { publish: { open: false } }\n"

// A user creates a broadcast, publishes with its key, and ends it. Then the key is not valid any more.
func TestBroadcast_FromItsCreationToItsEnd(t *testing.T) { onEachRegistry(t, createToEnd) }

func createToEnd(t *testing.T, registry string) {
	t.Helper()
	s := start(t, openToUsers+registry)
	alice := user(t, s, "alice")
	var may decision
	alice.do(http.MethodGet, "/v1/golive", nil, http.StatusOK, &may)
	if !may.Allowed || may.Reason == "" || may.Variant == "" {
		t.Fatalf("%+v", may)
	}
	b := alice.create(map[string]any{"title": "Sunset", "visibility": "public", "channel": "alice"})
	if b.State != "created" {
		t.Errorf("the state is %s", b.State)
	}
	file := sources.Plain(t)
	encoder := harness.PublishLooped(t, file, b.Ingest.RTMP+"/"+b.StreamKey)
	alice.waitFor(b.ID, "live")
	viewer := harness.Follow(t, s.URL("/live/@alice/ts.m3u8"), hlscheck.Options{})
	var public struct {
		Broadcasts []struct {
			ID, Title, State string
			Encoder          string
		}
	}
	client{t, s, ""}.do(http.MethodGet, "/v1/broadcasts", nil, http.StatusOK, &public)
	if len(public.Broadcasts) != 1 || public.Broadcasts[0].ID != b.ID || public.Broadcasts[0].Title != "Sunset" || public.Broadcasts[0].Encoder != "" {
		t.Errorf("listed are %+v", public)
	}
	if r := user(t, s, "mallory").call(http.MethodPost, "/v1/broadcasts/"+b.ID+"/end", nil); r.status/100 != 4 {
		t.Errorf("another user ends it: %d %s", r.status, r.body)
	}
	harness.Pause(t.Context(), 4*time.Second)
	if r := alice.call(http.MethodPost, "/v1/broadcasts/"+b.ID+"/end", nil); r.status/100 != 2 {
		t.Fatalf("it is not ended: %d %s", r.status, r.body)
	}
	viewer.Wait(20 * time.Second)
	viewer.Check()
	alice.waitFor(b.ID, "ended")
	<-encoder.Done()

	again := harness.Publish(t, file, b.Ingest.RTMP+"/"+b.StreamKey)
	<-again.Done()
	if s.Logs.Count("connection refused") == 0 {
		t.Error("the log does not say that the used key was refused")
	}
	if state := alice.state(b.ID); state != "ended" {
		t.Errorf("after another try it is %s", state)
	}
	metrics, err := harness.Get(t.Context(), "http://"+s.Admin+"/metrics")
	if err != nil || bytes.Contains(metrics, []byte(b.StreamKey)) {
		t.Errorf("the metrics have the stream key, or %v", err)
	}
	s.Stop()
	mustNotContain(t, s, b.StreamKey)
}

// mustNotContain checks that neither the log nor any file of the data folder has the key.
func mustNotContain(t *testing.T, s *harness.Server, key string) {
	t.Helper()
	forms := map[string]string{
		"as it is": key, "in hex": hex.EncodeToString([]byte(key)), "in base64": base64.RawStdEncoding.EncodeToString([]byte(key))[:20],
	}
	look := func(where string, text []byte) {
		for how, form := range forms {
			if bytes.Contains(bytes.ToLower(text), bytes.ToLower([]byte(form))) {
				t.Errorf("%s has the stream key %s", where, how)
			}
		}
	}
	look("the log", []byte(s.Logs.String()))
	err := filepath.WalkDir(s.Data(), func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		text, err := os.ReadFile(path)
		look(path, text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// Until its owner publishes a preview, nobody else can watch it; then everybody can, while the encoder
// stays connected.
func TestPreview_OnlyItsOwnerWatchesUntilItIsPublished(t *testing.T) { onEachRegistry(t, preview) }

func preview(t *testing.T, registry string) {
	t.Helper()
	s := start(t, openToUsers+registry)
	alice, anybody := user(t, s, "alice"), client{t, s, ""}
	b := alice.create(map[string]any{"title": "Rehearsal", "preview": true})
	harness.PublishLooped(t, sources.Plain(t), b.Ingest.RTMP+"/"+b.StreamKey)
	alice.waitFor(b.ID, "preview")
	own := path(t, b.Playback.HLS)
	if r := anybody.call(http.MethodGet, own, nil); r.status != http.StatusOK || !strings.HasPrefix(string(r.body), "#EXTM3U") {
		t.Errorf("its owner's address: %d %s", r.status, r.body)
	}
	public := "/live/" + b.ID + "/index.m3u8"
	for _, file := range []string{"index.m3u8", "ts.m3u8", "source/index.m3u8", "poster.jpg"} {
		harness.Until(t, file+" exists for its owner", 20*time.Second, func() bool {
			return anybody.call(http.MethodGet, strings.TrimSuffix(own, "index.m3u8")+file, nil).status == http.StatusOK
		})
		if r := anybody.call(http.MethodGet, "/live/"+b.ID+"/"+file, nil); r.status/100 != 4 {
			t.Errorf("anybody can read %s of a preview: %d", file, r.status)
		}
	}
	var list struct{ Broadcasts []json.RawMessage }
	anybody.do(http.MethodGet, "/v1/broadcasts", nil, http.StatusOK, &list)
	if len(list.Broadcasts) > 0 {
		t.Errorf("a preview is listed: %s", list.Broadcasts)
	}
	if r := anybody.call(http.MethodGet, "/v1/broadcasts/"+b.ID, nil); r.status != http.StatusNotFound {
		t.Errorf("anybody can read the API about a preview: %d %s", r.status, r.body)
	}
	var renewed created
	alice.do(http.MethodPost, "/v1/broadcasts/"+b.ID+"/revoke-playback", nil, http.StatusOK, &renewed)
	if r := anybody.call(http.MethodGet, own, nil); r.status != http.StatusForbidden {
		t.Errorf("a revoked address: %d", r.status)
	}
	if r := anybody.call(http.MethodGet, path(t, renewed.Playback.HLS), nil); r.status != http.StatusOK {
		t.Errorf("the address after that: %d %s", r.status, r.body)
	}
	if r := alice.call(http.MethodPost, "/v1/broadcasts/"+b.ID+"/publish", nil); r.status/100 != 2 {
		t.Fatalf("it is not published: %d %s", r.status, r.body)
	}
	alice.waitFor(b.ID, "live")
	if r := anybody.call(http.MethodGet, public, nil); r.status != http.StatusOK {
		t.Errorf("a published broadcast: %d %s", r.status, r.body)
	}
	if n := s.Logs.Count("session started"); n != 1 {
		t.Errorf("the encoder connected %d times", n)
	}
}

// The kill switch acts within a second of the change of the file, and ends nothing.
func TestRollout_KillSwitchStopsNewBroadcastsOnly(t *testing.T) { onEachRegistry(t, killSwitch) }

func killSwitch(t *testing.T, registry string) {
	t.Helper()
	s := start(t, openToUsers+registry+"rollout: { percent: 100 }\n")
	alice := user(t, s, "alice")
	b := alice.create(map[string]any{"title": "Before"})
	harness.PublishLooped(t, sources.Plain(t), b.Ingest.RTMP+"/"+b.StreamKey)
	alice.waitFor(b.ID, "live")
	config := filepath.Join(s.Dir, "golive.yaml")
	text, err := os.ReadFile(config)
	if err != nil {
		t.Fatal(err)
	}
	text = bytes.Replace(text, []byte("percent: 100"), []byte("percent: 100, enabled: false"), 1)
	if err := os.WriteFile(config, text, 0o600); err != nil {
		t.Fatal(err)
	}
	var may decision
	harness.Until(t, "the kill switch acts", time.Second, func() bool {
		alice.do(http.MethodGet, "/v1/golive", nil, http.StatusOK, &may)
		return !may.Allowed
	})
	if r := alice.call(http.MethodPost, "/v1/broadcasts", map[string]any{"title": "After"}); r.status != http.StatusForbidden {
		t.Errorf("a broadcast is created all the same: %d %s", r.status, r.body)
	}
	if state := alice.state(b.ID); state != "live" {
		t.Errorf("the live one is %s", state)
	}
}

// path returns the path of a URL of the server.
func path(t *testing.T, address string) string {
	t.Helper()
	_, rest, ok := strings.Cut(address, "://")
	if !ok {
		return address
	}
	_, rest, _ = strings.Cut(rest, "/")
	return "/" + rest
}

// The permanent key of a channel begins another broadcast each time, and the channel's playlist is that
// of the current one.
func TestChannel_KeyBeginsABroadcastEachTime(t *testing.T) { onEachRegistry(t, useChannel) }

func useChannel(t *testing.T, registry string) {
	t.Helper()
	s := start(t, openToUsers+registry)
	alice := user(t, s, "alice")
	var key struct {
		StreamKey string `json:"stream_key"`
	}
	alice.do(http.MethodPost, "/v1/channels/news/key", nil, http.StatusOK, &key)
	file := sources.Plain(t)
	var ids []string
	for range 2 {
		encoder := harness.PublishLooped(t, file, s.PublishURL(key.StreamKey))
		var list struct {
			Broadcasts []struct{ ID, State, Channel string }
		}
		harness.Until(t, "the channel is live", 20*time.Second, func() bool {
			alice.do(http.MethodGet, "/v1/broadcasts?channel=news&state=live", nil, http.StatusOK, &list)
			return len(list.Broadcasts) == 1
		})
		ids = append(ids, list.Broadcasts[0].ID)
		address := s.URL("/live/@news/ts.m3u8")
		harness.Until(t, address, 20*time.Second, func() bool {
			text, err := harness.Get(t.Context(), address)
			return err == nil && strings.HasPrefix(string(text), "#EXTM3U")
		})
		encoder.Quit()
		alice.waitFor(ids[len(ids)-1], "ended")
	}
	if ids[0] == ids[1] {
		t.Errorf("both times it was %s", ids[0])
	}
	alice.do(http.MethodDelete, "/v1/channels/news/key", nil, http.StatusNoContent, nil)
	<-harness.Publish(t, file, s.PublishURL(key.StreamKey)).Done()
	if s.Logs.Count("connection refused", "reason=unauthorized") != 1 {
		t.Error("the log does not say that the revoked key was refused")
	}
	s.Stop()
	mustNotContain(t, s, key.StreamKey)
}
