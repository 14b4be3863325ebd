package api

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"golive/ingest"
)

// Directory lists the broadcasts of the server.
type Directory interface {
	// Broadcasts returns all that are live or have just ended, by id.
	Broadcasts() []Broadcast
	// Broadcast returns the broadcast with that id, or else the last one under it that has
	// a replay. The error is ErrNotFound when there is none, and another one when that is
	// not known now.
	Broadcast(ctx context.Context, id string) (Broadcast, error)
}

// ErrNotFound is returned for a broadcast that does not exist.
var ErrNotFound = errors.New("there is no such broadcast")

// Broadcast is one live stream.
type Broadcast struct {
	ID           string      `json:"id" doc:"The broadcast's public name." example:"studio"`
	State        string      `json:"state" enum:"starting,live,reconnecting,ended" doc:"Where it is in its life."`
	StartedAt    time.Time   `json:"started_at" doc:"When its publisher was admitted."`
	EndedAt      *time.Time  `json:"ended_at" doc:"When it ended; null before."`
	Playlist     string      `json:"playlist" doc:"Path of its multivariant playlist." example:"/live/studio/index.m3u8"`
	PlaylistTS   string      `json:"playlist_ts" doc:"Path of the multivariant playlist in MPEG-TS without low latency, for old players and for rewinding as far as playlist.window. There is none (404) of a broadcast of AV1 and Opus, which MPEG-TS does not carry." example:"/live/studio/ts.m3u8"`
	Replay       *string     `json:"replay" doc:"Path of the playlist of the whole broadcast, after its end; null when there is none."`
	Poster       *string     `json:"poster" doc:"Path of a picture of the broadcast (JPEG), which is another one from time to time; null when there is none." example:"/live/studio/poster.jpg?v=5e9c2b7a"`
	Storyboard   *string     `json:"storyboard" doc:"Path of a WebVTT file with the pictures of the replay's seek bar: the text of each cue is the address of a JPEG, with the rectangle of one picture (#xywh=). Null when there is none."`
	Encoder      string      `json:"encoder" doc:"What the publisher calls itself; may be empty."`
	Viewers      int         `json:"viewers" doc:"Viewers now, counted from the requests of their players; all viewers behind one cache count as one."`
	StorageError *string     `json:"storage_error" doc:"What keeps storage from taking the broadcast now; null when it does."`
	StorageLag   float64     `json:"storage_lag" doc:"For how many seconds the oldest segment that storage has not taken has waited; 0 when none waits."`
	Warnings     []Warning   `json:"warnings" doc:"What the broadcaster should change in the encoder."`
	Renditions   []Rendition `json:"renditions" doc:"What can be watched; empty while starting."`
	// Transcoding is nil where the broadcast is not transcoded.
	Transcoding *Transcoding `json:"transcoding" doc:"The state of the renditions that this server makes of the source; null where it makes none."`
}

// Transcoding is the state of a broadcast's ladder.
type Transcoding struct {
	Problem  string `json:"problem" doc:"Why there are fewer rungs than configured; empty if there is no problem."`
	Restarts int    `json:"restarts" doc:"How often the encoder was started again after a failure."`
	Rungs    []Rung `json:"rungs" doc:"The rungs of the ladder, from the cheapest."`
}

// Rung is the state of one rung of the ladder.
type Rung struct {
	Name  string `json:"name" example:"720p"`
	State string `json:"state" enum:"running,starting,unavailable,shed,refused,above,failed" doc:"unavailable: ffmpeg does not work; shed: switched off because the machine is overloaded; refused: never begun for that reason; above: the source is smaller."`
}

// Warning is a condition of the incoming stream that the broadcaster should know of.
type Warning struct {
	Code  string    `json:"code" doc:"The kind of condition; codes do not change." example:"key_frames_far_apart"`
	Text  string    `json:"text" doc:"What was measured, and what to set in the encoder."`
	Since time.Time `json:"since" doc:"When the condition began."`
}

// Rendition is one quality of a broadcast.
type Rendition struct {
	Name             string  `json:"name" example:"source"`
	Codecs           string  `json:"codecs" doc:"As in RFC 6381." example:"avc1.64001f,mp4a.40.2"`
	Width            int     `json:"width" doc:"Pixels; 0 without video."`
	Height           int     `json:"height" doc:"Pixels; 0 without video."`
	FrameRate        float64 `json:"frame_rate" doc:"Frames per second, measured; 0 without video."`
	Bandwidth        int     `json:"bandwidth" doc:"Highest bit rate of a segment, bits per second."`
	AverageBandwidth int     `json:"average_bandwidth" doc:"Mean bit rate, bits per second."`
}

type listOutput struct {
	CacheControl string `header:"Cache-Control"`
	Body         struct {
		Broadcasts []Broadcast `json:"broadcasts"`
	}
}

type oneInput struct {
	ID string `path:"id" doc:"The broadcast's public name."`
}

type oneOutput struct {
	CacheControl string `header:"Cache-Control"`
	Body         Broadcast
}

// Server describes the server in the OpenAPI document.
type Server struct {
	Version string
	// BasePath is the path below which clients reach the server: "/video"; "" is none.
	BasePath string
}

// Register adds the interface to mux: the requests under /v1/, their OpenAPI
// document and its readable page.
func Register(mux *http.ServeMux, c Config, s Server, d Directory) error {
	routes := http.NewServeMux()
	mux.Handle("/v1/", &public{routes: routes, origins: c.CORSOrigins})
	cfg := huma.DefaultConfig("golive", s.Version)
	if s.BasePath != "" {
		cfg.Servers = []*huma.Server{{URL: s.BasePath}}
	}
	cfg.OpenAPIPath = "/v1/openapi"
	// huma's own page would load its script from another host; docs.go makes ours.
	cfg.DocsPath, cfg.SchemasPath = "", ""
	cfg.CreateHooks = nil // no $schema in every answer
	a := humago.New(routes, cfg)
	huma.Register(a, huma.Operation{
		OperationID: "list-broadcasts",
		Method:      http.MethodGet,
		Path:        "/v1/broadcasts",
		Summary:     "What is live now",
	}, func(context.Context, *struct{}) (*listOutput, error) {
		out := &listOutput{CacheControl: "no-cache"}
		out.Body.Broadcasts = d.Broadcasts()
		return out, nil
	})
	huma.Register(a, huma.Operation{
		OperationID: "get-broadcast",
		Method:      http.MethodGet,
		Path:        "/v1/broadcasts/{id}",
		Summary:     "One broadcast, or the replay of one",
		Errors:      []int{http.StatusNotFound, http.StatusServiceUnavailable},
	}, func(ctx context.Context, in *oneInput) (*oneOutput, error) {
		if ingest.CheckID(in.ID) != nil { // there cannot be one
			return nil, huma.Error404NotFound(ErrNotFound.Error())
		}
		b, err := d.Broadcast(ctx, in.ID)
		switch {
		case errors.Is(err, ErrNotFound):
			return nil, huma.Error404NotFound(ErrNotFound.Error())
		case err != nil:
			return nil, huma.Error503ServiceUnavailable(err.Error())
		}
		return &oneOutput{CacheControl: "no-cache", Body: b}, nil
	})
	page, err := renderDocs(a.OpenAPI())
	if err != nil {
		return err
	}
	routes.HandleFunc("GET /v1/docs", func(w http.ResponseWriter, _ *http.Request) {
		h := w.Header()
		h.Set("Content-Type", "text/html; charset=utf-8")
		h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cache-Control", "no-cache")
		// An error means that the client has left.
		_, _ = w.Write(page)
	})
	return nil
}
