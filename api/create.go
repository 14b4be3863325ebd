package api

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"time"
	"unicode"

	"github.com/danielgtaylor/huma/v2"

	"golive/api/auth"
	"golive/ingest"
	"golive/registry"
)

// NewBroadcast is what is known of a broadcast before it begins.
type NewBroadcast struct {
	Title          string     `json:"title,omitempty" maxLength:"200" doc:"What viewers see; without control characters."`
	Channel        string     `json:"channel,omitempty" maxLength:"64" doc:"The permanent name under which it is watched, as in /watch/@NAME: letters, digits, - _ and dots. A name that is free becomes the user's."`
	Visibility     string     `json:"visibility,omitempty" enum:"public,unlisted,private" default:"public" doc:"Who can watch it: public broadcasts are listed, unlisted ones need the address, private ones a playback token."`
	Preview        bool       `json:"preview,omitempty" doc:"Only the owner can watch it until it is published."`
	Test           bool       `json:"test,omitempty" doc:"A trial: it is never listed, and ends after 5 minutes."`
	ScheduledStart *time.Time `json:"scheduled_start,omitempty" nullable:"true" doc:"When it is to begin."`
}

// CreatedBroadcast is a new broadcast, and all that an encoder needs.
type CreatedBroadcast struct {
	ID                  string              `json:"id" doc:"The broadcast's public name."`
	State               string              `json:"state" enum:"created,preview,starting,live,reconnecting,ended"`
	StreamKey           string              `json:"stream_key" doc:"The secret that the encoder needs. It is told only now; POST …/key makes another one."`
	Ingest              IngestAddresses     `json:"ingest" doc:"Where the encoder connects to."`
	Playback            Playback            `json:"playback" doc:"Where the broadcast can be watched."`
	RecommendedSettings RecommendedSettings `json:"recommended_settings" doc:"Settings for the encoder that suit this server."`
	Record
}

type createInput struct {
	IdempotencyKey string `header:"Idempotency-Key" maxLength:"255" doc:"Any text that is new for each broadcast, such as a UUID: a request that is repeated with it makes nothing twice, and gets the same answer."`
	Body           NewBroadcast
}

type createOutput struct {
	CacheControl string `header:"Cache-Control"`
	Location     string `header:"Location"`
	Body         CreatedBroadcast
}

// maxWriteBody bounds the body of a request, in bytes.
const maxWriteBody = 16 << 10

// maxSchedule is how far ahead a broadcast can be scheduled.
const maxSchedule = 366 * 24 * time.Hour

// create makes a broadcast.
func (a *API) create(ctx context.Context, in *createInput) (*createOutput, error) {
	c, err := require(ctx, auth.WriteBroadcasts)
	switch {
	case err != nil:
		return nil, err
	case c.User.ID == "":
		return nil, errNoUser()
	}
	now := time.Now()
	if err := in.Body.check(now); err != nil {
		return nil, err
	}
	id, key := registry.NewID(), registry.NewStreamKey()
	if in.IdempotencyKey != "" {
		request, err := json.Marshal(in.Body)
		if err != nil {
			return nil, err // of a time that JSON cannot have, which check refuses
		}
		id, key = a.derivedID(c.User.ID, in.IdempotencyKey, string(request))
		if b, ok := a.Records.FindBroadcast(id); ok {
			return a.again(ctx, b, key)
		}
	}
	if d := a.decide(ctx, c.User); !d.Allowed {
		return nil, huma.Error403Forbidden("this user may not go live: " + d.Message)
	}
	ctx, cancel := context.WithTimeout(ctx, registryTimeout)
	defer cancel()
	if err := a.takeChannel(ctx, in.Body.Channel, c.User.ID); err != nil {
		return nil, err
	}
	record := registry.Broadcast{
		ID: id, Channel: in.Body.Channel, Owner: c.User.ID, State: registry.Created, Key: registry.HashKey(key),
		Details: registry.Details{
			Title: in.Body.Title, Visibility: registry.Visibility(in.Body.Visibility), Preview: in.Body.Preview, Test: in.Body.Test,
		},
		Times: registry.Times{Created: now},
	}
	if s := in.Body.ScheduledStart; s != nil {
		record.ScheduledStart = *s
	}
	made, err := a.Records.CreateBroadcast(ctx, record)
	if errors.Is(err, registry.ErrExists) {
		if b, ok := a.Records.FindBroadcast(id); ok {
			return a.again(ctx, b, key)
		}
	}
	if err != nil {
		return nil, a.problemOf(err)
	}
	return a.created(ctx, made, key), nil
}

// again answers a repeated request, whose stream key is the same if it is the same request.
func (a *API) again(ctx context.Context, b registry.Broadcast, key string) (*createOutput, error) {
	if b.Owner != originOf(ctx).caller.User.ID {
		return nil, errNotFound()
	}
	if b.Key != registry.HashKey(key) {
		return nil, huma.Error409Conflict("this Idempotency-Key has made the broadcast " + b.ID +
			", with another request, or its stream key was changed or used since: POST /v1/broadcasts/" + b.ID + "/key makes another one")
	}
	return a.created(ctx, b, key), nil
}

func (a *API) created(ctx context.Context, b registry.Broadcast, key string) *createOutput {
	from := originOf(ctx)
	return &createOutput{
		CacheControl: "no-store",
		Location:     a.Server.BasePath + "/v1/broadcasts/" + b.ID,
		Body: CreatedBroadcast{
			ID: b.ID, State: stateOf(b), StreamKey: key,
			Ingest: a.ingestAddresses(from.base, b.ID), Playback: *a.playback(from.base, from.caller, b),
			RecommendedSettings: a.Server.Recommended, Record: recordOf(from.caller, b),
		},
	}
}

// takeChannel makes the channel the user's, or returns a problem if it is somebody else's. An empty
// name is none.
func (a *API) takeChannel(ctx context.Context, name, owner string) error {
	if name == "" {
		return nil
	}
	channel, ok := a.Records.FindChannel(name)
	if !ok {
		_, err := a.Records.PutChannel(ctx, registry.Channel{Name: name, Owner: owner, Created: time.Now()})
		if err == nil {
			return nil
		}
		if channel, ok = a.Records.FindChannel(name); !ok {
			return a.problemOf(err)
		}
	}
	if channel.Owner != owner {
		return huma.Error403Forbidden("this channel is somebody else's")
	}
	return nil
}

// check returns a problem for what the schema cannot say.
func (b *NewBroadcast) check(now time.Time) error {
	if err := checkTitle(b.Title); err != nil {
		return err
	}
	if b.Channel != "" && ingest.CheckID(b.Channel) != nil {
		return wrong("body.channel", "1 to 64 letters, digits, '-', '_' and '.', not beginning with a dot")
	}
	return checkSchedule(b.ScheduledStart, now)
}

func checkTitle(title string) error {
	if strings.ContainsFunc(title, func(r rune) bool {
		return unicode.IsControl(r) || r == '\u2028' || r == '\u2029' || r == unicode.ReplacementChar
	}) {
		return wrong("body.title", "must not have control characters")
	}
	return nil
}

func checkSchedule(start *time.Time, now time.Time) error {
	if start != nil && (start.Before(now.Add(-time.Hour)) || start.After(now.Add(maxSchedule))) {
		return wrong("body.scheduled_start", "must be in the future, within a year")
	}
	return nil
}

// wrong is the problem of a value in a request.
func wrong(location, message string) error {
	return huma.Error422UnprocessableEntity("validation failed", &huma.ErrorDetail{Message: message, Location: location})
}
