package api

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/netip"
	"reflect"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"golive/api/health"
	"golive/ingest"
	"golive/registry"
)

const (
	// measureInterval is how often viewers and health are looked at.
	measureInterval = time.Second
	// keepAlive is how often a comment is sent, so that proxies keep the connection.
	keepAlive = 15 * time.Second
	// eventTimeout is how long a client may take for an event.
	eventTimeout = 10 * time.Second
	// maxStreams and maxStreamsPerAddress bound the streams of events.
	maxStreams           = 10_000
	maxStreamsPerAddress = 50
)

// streams counts streams of events, by address.
type streams struct {
	mu    sync.Mutex
	by    map[netip.Prefix]int
	total int
}

// begin counts one more, unless there are too many.
func (s *streams) begin(from netip.Prefix) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.total >= maxStreams || s.by[from] >= maxStreamsPerAddress {
		return false
	}
	if s.by == nil {
		s.by = map[netip.Prefix]int{}
	}
	s.by[from]++
	s.total++
	return true
}

func (s *streams) end(from netip.Prefix) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.total--
	if s.by[from]--; s.by[from] == 0 {
		delete(s.by, from)
	}
}

// StateEvent is the data of the event "state".
type StateEvent struct {
	State string `json:"state" enum:"created,preview,starting,live,reconnecting,ended" doc:"Where the broadcast is in its life. Nothing follows after ended."`
}

// ViewersEvent is the data of the event "viewers".
type ViewersEvent struct {
	Viewers int `json:"viewers" doc:"Viewers now."`
}

// HealthEvent is the data of the event "health".
type HealthEvent struct {
	Issues []health.Issue `json:"issues" doc:"What the broadcaster should change; empty if all is well."`
}

func (a *API) registerEvents(h huma.API) {
	schemas := h.OpenAPI().Components.Schemas
	event := &huma.Schema{Description: "The data of one event: of state, viewers or health."}
	for _, t := range []reflect.Type{reflect.TypeFor[StateEvent](), reflect.TypeFor[ViewersEvent](), reflect.TypeFor[HealthEvent]()} {
		event.OneOf = append(event.OneOf, schemas.Schema(t, true, t.Name()))
	}
	op := huma.Operation{
		OperationID: "watch-broadcast",
		Method:      http.MethodGet,
		Path:        "/v1/broadcasts/{id}/events",
		Summary:     "What happens to a broadcast, as server-sent events: state, viewers and health",
		Description: "Each event is sent at once and after each change: state (StateEvent), viewers (ViewersEvent) and health (HealthEvent), with JSON as data. The response ends with the broadcast.",
		Errors:      []int{http.StatusNotFound, http.StatusTooManyRequests},
		Responses: map[string]*huma.Response{"200": {
			Description: "A stream of events",
			Content:     map[string]*huma.MediaType{"text/event-stream": {Schema: event}},
		}},
	}
	huma.Register(h, identified(op, false), a.events)
}

// events answers with a stream of events.
//
//nolint:contextcheck // the stream has the context of its own response
func (a *API) events(ctx context.Context, in *oneInput) (*huma.StreamResponse, error) {
	from := originOf(ctx)
	if ingest.CheckID(in.ID) != nil {
		return nil, errNotFound()
	}
	record, known := a.Records.FindBroadcast(in.ID)
	if _, live := a.Directory.Live(in.ID); !known && !live || known && !maySee(from.caller, record) {
		return nil, errNotFound()
	}
	network := networkOf(from.address)
	if !a.streams.begin(network) {
		return nil, huma.ErrorWithHeaders(huma.Error429TooManyRequests("too many streams of events are open from this address"),
			http.Header{"Retry-After": {seconds(retryAfter)}})
	}
	return &huma.StreamResponse{Body: func(h huma.Context) {
		defer a.streams.end(network)
		_, w := humago.Unwrap(h)
		w.Header().Set("Content-Type", "text/event-stream")
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("X-Accel-Buffering", "no") // nginx would collect the events
		s := eventStream{api: a, id: in.ID, from: from, w: w, control: http.NewResponseController(w), sent: map[string][]byte{}}
		// The server's own limit is for requests that are read. A Writer without deadlines has no limit.
		_ = s.control.SetReadDeadline(time.Time{})
		s.run(h.Context())
	}}, nil
}

// eventStream is a stream of events of one broadcast to one client.
type eventStream struct {
	api     *API
	id      string
	from    origin
	w       http.ResponseWriter
	control *http.ResponseController
	sent    map[string][]byte // the last data of each event
}

// run sends events until the broadcast ends, the client leaves or the server stops.
func (s *eventStream) run(ctx context.Context) {
	changed, stop := s.api.Records.WatchBroadcast(s.id)
	defer stop()
	measure, alive := time.NewTicker(measureInterval), time.NewTicker(keepAlive)
	defer measure.Stop()
	defer alive.Stop()
	for s.update() {
		select {
		case <-changed:
		case <-measure.C:
		case <-alive.C:
			if !s.write([]byte(": keep-alive\n\n")) {
				return
			}
		case <-s.api.Stopping:
			return
		case <-ctx.Done():
			return
		}
	}
}

// update sends what has changed. It reports whether there will be more.
func (s *eventStream) update() bool {
	record, known := s.api.Records.FindBroadcast(s.id)
	media, live := s.api.Directory.Live(s.id)
	var shown Broadcast
	switch {
	case known && !maySee(s.from.caller, record):
		return false
	case known && live && (media.State != string(registry.Ended) || record.State == registry.Ended):
		shown = s.api.show(s.from.caller, record, &media)
	case known:
		shown = s.api.show(s.from.caller, record, nil)
	case live:
		shown = media
	default: // it was deleted, or has been forgotten
		s.send("state", StateEvent{string(registry.Ended)})
		return false
	}
	return s.send("state", StateEvent{shown.State}) &&
		s.send("viewers", ViewersEvent{shown.Viewers}) &&
		s.send("health", HealthEvent{issuesOf(shown, time.Now())}) &&
		shown.State != string(registry.Ended)
}

// issuesOf returns the issues of a broadcast.
func issuesOf(b Broadcast, now time.Time) []health.Issue {
	issues := []health.Issue{}
	for _, w := range b.Warnings {
		issues = append(issues, health.Of(w.Code, w.Text, w.Since))
	}
	reason := ""
	if b.StorageError != nil {
		reason = *b.StorageError
	}
	if i, ok := health.OfStorage(b.StorageLag, reason, now); ok {
		issues = append(issues, i)
	}
	return issues
}

// send sends an event unless it is the same as the last one of its name. It reports whether the
// client is still there.
func (s *eventStream) send(name string, value any) bool {
	data, err := json.Marshal(value)
	if err != nil {
		return false // the values can be written as JSON
	}
	if bytes.Equal(s.sent[name], data) {
		return true
	}
	s.sent[name] = data
	return s.write([]byte("event: " + name + "\ndata: " + string(data) + "\n\n"))
}

// write writes to the client at once.
func (s *eventStream) write(text []byte) bool {
	// A deadline that passes between two events would end a stream of HTTP/2. A Writer without
	// deadlines has no limit.
	_ = s.control.SetWriteDeadline(time.Now().Add(eventTimeout))
	defer func() { _ = s.control.SetWriteDeadline(time.Time{}) }()
	if _, err := s.w.Write(text); err != nil {
		return false
	}
	return s.control.Flush() == nil
}
