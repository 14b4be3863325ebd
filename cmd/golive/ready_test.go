package main

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

// ready requests /readyz; the status is 0 if the admin listener does not answer.
func (s *running) ready(t *testing.T, query string) (status int, text string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+s.listeners.admin.Addr().String()+"/readyz"+query, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	res, err := s.client.Do(req)
	if err != nil {
		return 0, err.Error()
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(body)
}

func TestServe_IsNotReadyWhileItStops(t *testing.T) {
	s := startInMemory(t, asIs)
	e := s.publish(t, "studio")
	e.videoConfig(0, large())
	e.video(0, 4400, 2000)
	s.mediaPlaylist(t, "studio", "#EXTINF:")
	for deadline := time.Now().Add(patience); ; <-time.After(10 * time.Millisecond) {
		_, text := s.ready(t, "?for=ingest")
		if strings.Contains(text, "registry: ok\n") {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal(text)
		}
	}
	for query, want := range map[string]string{"": "server: ok\n", "?for=viewers": "server: ok\n", "?for=ingest": "server: ok\nstorage: ok\nregistry: ok\n"} {
		if status, text := s.ready(t, query); status != http.StatusOK || text != want {
			t.Errorf("%q: %d %q", query, status, text)
		}
	}
	stopped := make(chan struct{})
	go func() { defer close(stopped); s.stop() }()
	for deadline := time.Now().Add(patience); ; <-time.After(10 * time.Millisecond) {
		status, text := s.ready(t, "")
		if status == http.StatusServiceUnavailable && strings.Contains(text, "golive is stopping") {
			break
		}
		if status == 0 || time.Now().After(deadline) {
			t.Fatalf("%d %q", status, text)
		}
	}
	if status, text := s.ready(t, "?for=ingest"); status != http.StatusServiceUnavailable {
		t.Errorf("for ingest: %d %q", status, text)
	}
	<-stopped
}
