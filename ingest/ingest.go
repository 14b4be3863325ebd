package ingest

import (
	"context"
	"time"

	"golive/media"
)

// Request is a peer's request to publish.
type Request struct {
	// Protocol is one of protocols, as in "rtmp".
	Protocol string
	// Remote is the peer's address, HOST:PORT.
	Remote string
	// App and Name are the two halves of the publishing point: for
	// rtmp://HOST/live/NAME they are "live" and "NAME". Name is a broadcast's id
	// in open mode, else a secret key: it is not logged before the peer is admitted.
	App, Name string
	// Broadcast is the id of the broadcast that the peer says it publishes; empty if it does
	// not say. A peer whose Name publishes another one is not admitted.
	Broadcast string
	// CommonClock is set if the times of audio and video come from one clock, so that a track
	// that begins up to 10 s before or after the other one in time keeps its times.
	CommonClock bool
	// Encoder is the name that the peer sent, sanitised and truncated; may be empty.
	Encoder string
}

// Publisher is an admitted peer.
type Publisher struct {
	Request
	// Issued is true if the peer was admitted by a key of Authorizer.Keys.
	Issued bool
	// Evict ends the peer's session; the cause is sent to the peer and logged.
	Evict context.CancelCauseFunc
}

// PublishHandler handles admitted publishers. The Hub of package broadcast is one.
type PublishHandler interface {
	// Publish starts or continues the broadcast id with the publisher. To refuse, it returns
	// an error that wraps one of the refusals.
	Publish(ctx context.Context, id string, p Publisher) (Sink, error)
}

// Sink receives one publication's access units. It is used by one goroutine.
type Sink interface {
	// WriteUnit takes the next unit. It never blocks on a reader, a disk or a network. An
	// error ends the session.
	//
	// There may be several video tracks (media.Track.Number), whose pictures of one moment
	// come in any order. They have the same PTS, or one that differs by a millisecond if
	// the encoder rounds it so.
	WriteUnit(u media.AccessUnit) error
	// Close ends the publication, once. The cause is nil if the publisher stopped cleanly,
	// else why the connection was lost or ended.
	Close(cause error)
}

// Ticker is implemented by a Sink that must know the time while its publisher sends
// nothing.
type Ticker interface {
	// Tick is called, on the goroutine that uses the Sink, when nothing was received until
	// now. It returns true if the publisher is known to send rarely: then the Sink needs
	// another Tick soon, and the silence is no reason to end the session.
	Tick(now time.Time) (slow bool)
}
