package registry

import "time"

// EventType is what has happened to a broadcast.
type EventType string

// The events. A broadcast has exactly one EventLive and one EventEnded, however often its
// connection is lost.
const (
	EventCreated      EventType = "broadcast.created"
	EventLive         EventType = "broadcast.live"
	EventReconnecting EventType = "broadcast.reconnecting"
	EventResumed      EventType = "broadcast.resumed"
	EventEnded        EventType = "broadcast.ended"
	EventReplayReady  EventType = "broadcast.replay_ready"
	EventHealth       EventType = "broadcast.health"
	EventKeyUsed      EventType = "stream_key.used"
)

// Event is what has happened to a broadcast, in the order of Sequence.
type Event struct {
	// ID is unique; the same event delivered again has the same one.
	ID   string    `json:"id"`
	Type EventType `json:"type"`
	// Sequence counts the events of a broadcast from 1.
	Sequence uint64    `json:"sequence"`
	At       time.Time `json:"at"`
	// Broadcast is the record after the event, without its key.
	Broadcast Broadcast `json:"broadcast"`
	// Reason says why a broadcast ended; else empty.
	Reason string `json:"reason,omitempty"`
	// Issues are the codes of what is wrong with the incoming stream after an EventHealth; empty
	// if nothing is, and nil in other events.
	Issues []string `json:"issues,omitzero"`
}

// Report is what the node that has a broadcast says of it.
type Report struct {
	ID string
	// Channel and Owner are those of a broadcast without a record, which a channel's key began.
	Channel, Owner string
	// State is where the broadcast is now; empty in a report of something else.
	State State
	// Event is what else has happened: EventReplayReady, EventHealth or EventKeyUsed.
	Event  EventType
	At     time.Time
	Reason string
	// Issues are the codes of an EventHealth, separated by spaces.
	Issues string
}
