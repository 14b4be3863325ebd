package hlscheck

import (
	"cmp"
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"golive/broadcast"
	"golive/ingest"
	"golive/internal/mediatest"
	"golive/internal/pipenet"
	"golive/media"
	"golive/origin"
	"golive/origin/audience"
	"golive/playlist"
	"golive/segmenter"
)

// testBroadcast is a broadcast of golive, with its origin, in fake time. Without a fault no rule
// is broken. Its media are made by mediatest.
type testBroadcast struct {
	// length is how long it is published; 16 s when 0.
	length time.Duration
	// join is how long after its beginning it is followed; 5 s when 0.
	join time.Duration
	// plain disables low latency.
	plain bool
	// pair publishes two broadcasts, which are served as two renditions with reports of each other.
	pair bool
	// segment, part, gop and window are 2 s, 500 ms, 60 frames (2 s) and 20 s when 0.
	segment time.Duration
	part    time.Duration
	gop     int
	window  time.Duration
	// units changes what is published.
	units func([]media.AccessUnit) []media.AccessUnit
	// fault wraps the handler.
	fault func(http.Handler) http.Handler
	// server changes the server; its URL is https when secure.
	server func(*httptest.Server)
	secure bool
	// options are those of the follower; the default is a probing low-latency one.
	options *Options
}

// follow runs the broadcast and follows it to its end.
func (s testBroadcast) follow(t *testing.T) (rec *Recording) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		url, client := s.start(t)
		pause(t.Context(), cmp.Or(s.join, 5*time.Second))
		opts := Options{LowLatency: true, Probe: true, Discard: true}
		if s.options != nil {
			opts = *s.options
		}
		f, err := Open(t.Context(), client, url+"/index.m3u8", opts)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), cmp.Or(s.length, 16*time.Second)+time.Minute)
		defer cancel()
		if rec, err = f.Follow(ctx); err != nil {
			t.Fatal(err)
		}
	})
	return rec
}

// start publishes and serves the broadcast. It must be called in a synctest bubble.
func (s testBroadcast) start(t *testing.T) (url string, client *http.Client) {
	t.Helper()
	hub := s.hub(t)
	for _, id := range s.ids() {
		// The broadcast exists before the first request, and before the test can end.
		sink, err := hub.Publish(t.Context(), id, ingest.Publisher{Evict: func(error) {}})
		if err != nil {
			t.Fatal(err)
		}
		go s.publish(t, sink)
	}
	return s.serve(t, hub)
}

func (s testBroadcast) ids() []string {
	if s.pair {
		return []string{"a", "b"}
	}
	return []string{"a"}
}

func (s testBroadcast) hub(t *testing.T) *broadcast.Hub {
	t.Helper()
	settings := broadcast.Settings{
		Config:          broadcast.DefaultConfig(),
		Segmenter:       segmenter.Config{SegmentDuration: cmp.Or(s.segment, 2*time.Second), PartDuration: cmp.Or(s.part, 500*time.Millisecond)},
		Playlist:        playlist.Config{Window: cmp.Or(s.window, 20*time.Second), LowLatency: !s.plain},
		ReconnectWindow: 15 * time.Second,
		Prefix:          "live",
		LiveWindow:      cmp.Or(s.window, 20*time.Second),
	}
	hub := broadcast.NewHub(settings, broadcast.Stores{}, slog.New(slog.DiscardHandler), broadcast.NewMetrics(prometheus.NewRegistry()))
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := hub.Run(ctx); err != nil {
			t.Error(err)
		}
	}()
	t.Cleanup(func() {
		stop()
		<-done
	})
	return hub
}

// publish sends the media in real time.
func (s testBroadcast) publish(t *testing.T, sink ingest.Sink) {
	units := mediatest.Stream{
		Video: mediatest.H264(640, 36), Audio: mediatest.AAC(), FPS: 30, GOP: cmp.Or(s.gop, 60),
		Length: cmp.Or(s.length, 16*time.Second), Epoch: time.Now(), BitRate: 80_000,
	}.Units()
	if s.units != nil {
		units = s.units(units)
	}
	for _, u := range units {
		if !pause(t.Context(), time.Until(u.Arrived)) {
			break
		}
		if err := sink.WriteUnit(u); err != nil {
			if t.Context().Err() == nil { // the hub ends with the test
				t.Error(err)
			}
			break
		}
	}
	sink.Close(nil)
}

// serve serves the hub, with the fault.
func (s testBroadcast) serve(t *testing.T, hub *broadcast.Hub) (url string, client *http.Client) {
	t.Helper()
	mux, reg := http.NewServeMux(), prometheus.NewRegistry()
	mux.Handle(origin.Prefix, origin.NewHandler(origin.DefaultConfig(), hub, origin.Guard{}, audience.New(nil, reg), origin.NewReadLimiter(100, nil), slog.New(slog.DiscardHandler), origin.NewMetrics(reg)))
	mux.HandleFunc("/index.m3u8", func(w http.ResponseWriter, r *http.Request) { s.multivariant(w, r, mux) })
	var handler http.Handler = mux
	if s.pair {
		handler = s.reporting(hub, handler)
	}
	if s.fault != nil {
		handler = s.fault(handler)
	}
	url = "http://golive.test"
	if s.secure {
		url = "https://golive.test"
	}
	return url, serveOn(t, handler, s.server, s.secure)
}

// serveOn serves over pipes, because real sockets do not work in a synctest bubble. It returns the
// client.
func serveOn(t *testing.T, handler http.Handler, change func(*httptest.Server), secure bool) *http.Client {
	t.Helper()
	server := httptest.NewUnstartedServer(handler)
	_ = server.Listener.Close()
	listener := pipenet.Listen()
	server.Listener = listener
	server.EnableHTTP2 = true
	if change != nil {
		change(server)
	}
	if secure {
		server.StartTLS()
	} else {
		server.Start()
	}
	t.Cleanup(server.Close)
	client := NewClient(true)
	transport := client.Transport.(*http.Transport)
	transport.DialContext = listener.Dial
	t.Cleanup(transport.CloseIdleConnections)
	return client
}

// multivariant serves one multivariant playlist for all broadcasts, made of golive's own ones.
func (s testBroadcast) multivariant(w http.ResponseWriter, r *http.Request, mux http.Handler) {
	var all strings.Builder
	header := http.Header{}
	for i, id := range s.ids() {
		answer := httptest.NewRecorder()
		mux.ServeHTTP(answer, httptest.NewRequestWithContext(r.Context(), http.MethodGet, "/live/"+id+"/index.m3u8", http.NoBody))
		text := strings.ReplaceAll(answer.Body.String(), "source/", "live/"+id+"/source/")
		head, variant, _ := strings.Cut(text, "#EXT-X-STREAM-INF")
		if i == 0 {
			all.WriteString(head)
		}
		all.WriteString("#EXT-X-STREAM-INF" + variant)
		header = answer.Header()
	}
	header.Del("Content-Length")
	writeText(w, r, header, all.String())
}

// reporting adds reports of the other broadcast: golive itself reports the renditions of one
// broadcast only.
func (s testBroadcast) reporting(hub *broadcast.Hub, next http.Handler) http.Handler {
	return rewrite(func(r *http.Request, text string) string {
		if s.plain || !strings.Contains(r.URL.Path, "/source/") || strings.Contains(text, "ENDLIST") {
			return text
		}
		other := "b"
		if strings.HasPrefix(r.URL.Path, "/live/b/") {
			other = "a"
		}
		live, _ := hub.Find(other)
		window := live.Window(broadcast.SourceRendition, "index.m3u8")
		m, _ := ParseMedia("", window.Snapshot().Full.Plain)
		newest := m.newest()
		text += "#EXT-X-RENDITION-REPORT:URI=\"../../" + other + "/source/index.m3u8\",LAST-MSN=" + number(newest.msn)
		if newest.part >= 0 { // it has none after its end
			text += ",LAST-PART=" + number(newest.part)
		}
		return text + "\n"
	})(next)
}
