package ingest

import (
	"context"
	"time"

	"golive/media"
)

// Request is what a peer asks for when it wants to publish.
type Request struct {
	// Protocol is "rtmp" or "rtmps".
	Protocol string
	// Remote is the peer's address, HOST:PORT.
	Remote string
	// App and Name are the two halves of the publishing point: for
	// rtmp://HOST/live/NAME they are "live" and "NAME". Name is a broadcast's id
	// in open mode, else a secret key: it is never logged before it is admitted.
	App, Name string
	// Encoder is what the peer calls itself, cleaned and bounded; may be empty.
	Encoder string
}

// Publisher is an admitted peer as its broadcast sees it.
type Publisher struct {
	Request
	// Evict ends the peer's session; the cause is told to the peer and logged.
	Evict context.CancelCauseFunc
}

// PublishHandler takes admitted publishers: the Hub of broadcasts.
type PublishHandler interface {
	// Publish opens the broadcast id for the publisher. It refuses with an error
	// that wraps one of the refusals.
	Publish(ctx context.Context, id string, p Publisher) (Sink, error)
}

// Sink takes one publication's access units. It is used by one goroutine.
type Sink interface {
	// WriteUnit takes the next unit. It never waits for a reader, a disk or a
	// network. An error ends the session.
	WriteUnit(u media.AccessUnit) error
	// Close ends the publication, once. A nil cause is the publisher's own clean
	// stop; any other is a connection that was lost or cut.
	Close(cause error)
}

// Ticker is a Sink that follows the time while its publisher sends nothing. A
// protocol asks each Sink whether it is one.
type Ticker interface {
	// Tick tells that nothing has come until now, on the goroutine that uses the Sink.
	// It returns true when the publisher is known to send seldom: the Sink wants
	// another Tick soon, and the silence is no reason to end the session.
	Tick(now time.Time) (slow bool)
}
