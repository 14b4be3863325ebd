//go:build e2e

package product

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"

	"golive/e2e/harness"
)

// start starts golive, and waits until broadcasts can be created.
func start(tb testing.TB, config string) *harness.Server {
	tb.Helper()
	s := harness.Start(tb, harness.Options{Config: config})
	harness.Until(tb, "the records are loaded", 20*time.Second, func() bool { return s.Logs.Count("records loaded") > 0 })
	return s
}

// onEachRegistry runs a test with the embedded registry and with NATS in a process of its own.
func onEachRegistry(t *testing.T, test func(t *testing.T, config string)) {
	t.Helper()
	t.Run("embedded", func(t *testing.T) { test(t, "") })
	t.Run("external", func(t *testing.T) { test(t, fmt.Sprintf("registry: { url: %q }\n", harness.StartNATS(t).URL)) })
}

// client calls the API for one user.
type client struct {
	tb     testing.TB
	server *harness.Server
	token  string
}

func user(tb testing.TB, s *harness.Server, name string) client {
	return client{tb, s, "dev:" + name}
}

// reply is the response to a call.
type reply struct {
	status int
	header http.Header
	body   []byte
}

// call sends a request with a JSON body, unless that is nil.
func (c client) call(method, path string, body any) reply {
	c.tb.Helper()
	var text []byte
	if body != nil {
		var err error
		if text, err = json.Marshal(body); err != nil {
			c.tb.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(c.tb.Context(), harness.Timeout(10*time.Second))
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, c.server.URL(path), bytes.NewReader(text))
	if err != nil {
		c.tb.Fatal(err)
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		c.tb.Fatal(err)
	}
	got, err := io.ReadAll(resp.Body)
	if err := errors.Join(err, resp.Body.Close()); err != nil {
		c.tb.Fatal(err)
	}
	return reply{resp.StatusCode, resp.Header, got}
}

// do sends a request, checks the status, and decodes the response into v unless that is nil.
func (c client) do(method, path string, body any, want int, v any) {
	c.tb.Helper()
	r := c.call(method, path, body)
	if r.status != want {
		c.tb.Fatalf("%s %s: %d %s, want %d", method, path, r.status, r.body, want)
	}
	if v == nil {
		return
	}
	if err := json.Unmarshal(r.body, v); err != nil {
		c.tb.Fatalf("%s %s: %v: %s", method, path, err, r.body)
	}
}

// decision is the response of GET /v1/golive.
type decision struct {
	Allowed bool   `json:"allowed"`
	Reason  string `json:"reason"`
	Variant string `json:"variant"`
}

// created is the response to the creation of a broadcast.
type created struct {
	ID        string `json:"id"`
	State     string `json:"state"`
	StreamKey string `json:"stream_key"`
	Ingest    struct {
		RTMP      string `json:"rtmp"`
		WebSocket string `json:"websocket"`
	} `json:"ingest"`
	Playback struct {
		HLS   string `json:"hls"`
		TS    string `json:"ts"`
		Watch string `json:"watch"`
		Embed string `json:"embed"`
	} `json:"playback"`
	Recommended struct {
		Video map[string]any `json:"video"`
		Audio map[string]any `json:"audio"`
	} `json:"recommended_settings"`
}

// create creates a broadcast.
func (c client) create(settings map[string]any) created {
	c.tb.Helper()
	var b created
	c.do(http.MethodPost, "/v1/broadcasts", settings, http.StatusCreated, &b)
	if b.ID == "" || b.StreamKey == "" || b.Ingest.RTMP == "" || b.Playback.HLS == "" || b.Playback.TS == "" ||
		b.Playback.Watch == "" || b.Playback.Embed == "" || len(b.Recommended.Video) == 0 || len(b.Recommended.Audio) == 0 {
		c.tb.Fatalf("the response lacks something: %+v", b)
	}
	return b
}

// state returns the state of a broadcast, or the status of the response as text.
func (c client) state(id string) string {
	c.tb.Helper()
	r := c.call(http.MethodGet, "/v1/broadcasts/"+id, nil)
	if r.status != http.StatusOK {
		return http.StatusText(r.status)
	}
	var b struct{ State string }
	if err := json.Unmarshal(r.body, &b); err != nil {
		c.tb.Fatal(err)
	}
	return b.State
}

// waitFor waits until the user sees a broadcast in a state.
func (c client) waitFor(id, state string) {
	c.tb.Helper()
	harness.Until(c.tb, id+" is "+state, 20*time.Second, func() bool { return c.state(id) == state })
}
