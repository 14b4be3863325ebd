package webhook

import (
	"encoding/json"
	"time"

	"golive/registry"
)

// message is the body of every request.
type message struct {
	Type      string    `json:"type"`
	Timestamp time.Time `json:"timestamp"`
	Data      any       `json:"data"`
}

// eventData is what a message says of an event.
type eventData struct {
	ID        string    `json:"id"`
	Sequence  uint64    `json:"sequence"`
	Reason    string    `json:"reason,omitempty"`
	Issues    []string  `json:"issues,omitzero"`
	Broadcast broadcast `json:"broadcast"`
}

// broadcast is what a message says of a broadcast: the fields that are listed here, and no others of
// its record.
type broadcast struct {
	ID             string              `json:"id"`
	Channel        string              `json:"channel,omitempty"`
	Owner          string              `json:"owner,omitempty"`
	Title          string              `json:"title,omitempty"`
	State          registry.State      `json:"state"`
	Visibility     registry.Visibility `json:"visibility"`
	Preview        bool                `json:"preview"`
	Test           bool                `json:"test"`
	ScheduledStart time.Time           `json:"scheduled_start,omitzero"`
	CreatedAt      time.Time           `json:"created_at,omitzero"`
	StartedAt      time.Time           `json:"started_at,omitzero"`
	EndedAt        time.Time           `json:"ended_at,omitzero"`
}

// bodyOf returns the body for an event: the same each time.
func bodyOf(e *registry.Event) ([]byte, error) {
	b := &e.Broadcast
	visibility := b.Visibility
	if visibility == "" {
		visibility = registry.Public
	}
	return json.Marshal(message{Type: string(e.Type), Timestamp: e.At.UTC(), Data: eventData{
		ID: e.ID, Sequence: e.Sequence, Reason: e.Reason, Issues: e.Issues,
		Broadcast: broadcast{
			ID: b.ID, Channel: b.Channel, Owner: b.Owner, Title: b.Title, State: b.State,
			Visibility: visibility, Preview: b.Preview, Test: b.Test, ScheduledStart: b.ScheduledStart,
			CreatedAt: b.Created, StartedAt: b.Started, EndedAt: b.Ended,
		},
	}})
}

// admissionType is the type of the message that asks whether a publisher is admitted.
const admissionType = "broadcast.admission"

// admissionData is what it says of the publisher.
type admissionData struct {
	ID            string `json:"id"`
	BroadcastID   string `json:"broadcast_id"`
	Channel       string `json:"channel,omitempty"`
	Owner         string `json:"owner,omitempty"`
	Protocol      string `json:"protocol"`
	RemoteAddress string `json:"remote_address"`
	Encoder       string `json:"encoder"`
}
