package api

import (
	"context"
	"errors"
	"time"
)

// Directory lists the broadcasts of the server.
type Directory interface {
	// Broadcasts returns all that are live or have just ended, by id.
	Broadcasts() []Broadcast
	// Broadcast returns the broadcast with that id, or else the last one under it that has
	// a replay. The error is ErrNotFound when there is none, and another one when that is
	// not known now.
	Broadcast(ctx context.Context, id string) (Broadcast, error)
	// Live returns the broadcast with that id if it is live or has just ended, from memory.
	Live(id string) (Broadcast, bool)
}

// ErrNotFound is returned for a broadcast that does not exist.
var ErrNotFound = errors.New("there is no such broadcast")

// Broadcast is one live stream.
type Broadcast struct {
	ID           string      `json:"id" doc:"The broadcast's public name." example:"studio"`
	State        string      `json:"state" enum:"created,preview,starting,live,reconnecting,ended" doc:"Where it is in its life. A preview is live or reconnecting, and only its owner can watch it."`
	StartedAt    *time.Time  `json:"started_at" doc:"When its publisher was admitted; null before."`
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
	Record
}

// Record is what is known of a broadcast that was created with the API.
type Record struct {
	Title          string     `json:"title" doc:"What the owner calls it; may be empty."`
	Channel        string     `json:"channel" doc:"The permanent name under which it is watched; empty if there is none."`
	Visibility     string     `json:"visibility" enum:"public,unlisted,private" doc:"Who can watch it: public broadcasts are listed, unlisted ones need the address, private ones a playback token."`
	Test           bool       `json:"test" doc:"True for a trial, which is never listed and short."`
	CreatedAt      *time.Time `json:"created_at" doc:"When it was created; null if it was published without the API."`
	ScheduledStart *time.Time `json:"scheduled_start" doc:"When it is to begin; null if the owner did not say."`
	Owner          string     `json:"owner,omitempty" doc:"The id of the user who created it. Only that user and servers see it."`
	Playback       *Playback  `json:"playback,omitempty" doc:"Where it can be watched; in answers with one broadcast."`
}

// Playback holds the addresses at which a broadcast can be watched.
type Playback struct {
	HLS   string `json:"hls" doc:"The multivariant playlist. For the owner of a broadcast that not everybody can watch it has a playback token in it."`
	TS    string `json:"ts" doc:"The multivariant playlist in MPEG-TS, without low latency."`
	Watch string `json:"watch" doc:"The page with the player."`
	Embed string `json:"embed" doc:"The player alone, for an iframe."`
}

// Transcoding is the state of a broadcast's ladder.
type Transcoding struct {
	_ struct{} `nullable:"true"` // in Broadcast, and it is only there

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
