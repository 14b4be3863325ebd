package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"golive/ingest"
	"golive/registry"
)

type postInput struct {
	ID             string `path:"id" doc:"The broadcast's public name."`
	IdempotencyKey string `header:"Idempotency-Key" maxLength:"255" doc:"Accepted, and not needed: repeating this request changes nothing."`
}

type keyInput struct {
	ID             string `path:"id" doc:"The broadcast's public name."`
	IdempotencyKey string `header:"Idempotency-Key" maxLength:"255" doc:"Any text that is new for each key: a request that is repeated with it gets the same key."`
}

type patchInput struct {
	ID   string `path:"id" doc:"The broadcast's public name."`
	Body Changes
}

// Changes are what the owner changes; what is absent stays.
type Changes struct {
	Title          *string    `json:"title,omitempty" maxLength:"200" doc:"What viewers see."`
	Visibility     *string    `json:"visibility,omitempty" enum:"public,unlisted,private" doc:"Who can watch it."`
	ScheduledStart *time.Time `json:"scheduled_start,omitempty" doc:"When it is to begin; only before it has begun."`
}

type keyOutput struct {
	CacheControl string `header:"Cache-Control"`
	Body         StreamKey
}

// StreamKey is a stream key, which is told once.
type StreamKey struct {
	StreamKey string          `json:"stream_key" doc:"The secret that the encoder needs. Earlier ones are not valid any more."`
	Ingest    IngestAddresses `json:"ingest" doc:"Where the encoder connects to."`
}

type noContent struct {
	CacheControl string `header:"Cache-Control"`
}

// write describes an operation that changes something.
func write(id, method, path, summary string, status int) huma.Operation {
	return identified(huma.Operation{
		OperationID: id, Method: method, Path: path, Summary: summary, DefaultStatus: status, MaxBodyBytes: maxWriteBody,
		Errors: []int{
			http.StatusBadRequest, http.StatusNotFound, http.StatusConflict, http.StatusRequestEntityTooLarge, http.StatusUnprocessableEntity, http.StatusTooManyRequests,
		},
	}, true)
}

func (a *API) registerWrites(h huma.API) {
	const one = "/v1/broadcasts/{id}"
	huma.Register(h, write("create-broadcast", http.MethodPost, "/v1/broadcasts", "Create a broadcast", http.StatusCreated), a.create)
	huma.Register(h, write("change-broadcast", http.MethodPatch, one, "Change a broadcast", http.StatusOK), a.patch)
	huma.Register(h, write("delete-broadcast", http.MethodDelete, one, "Delete a broadcast that is not live, its replay and its pictures", http.StatusNoContent), a.remove)
	huma.Register(h, write("publish-broadcast", http.MethodPost, one+"/publish", "End the preview: everybody can watch from now on", http.StatusOK), a.publish)
	huma.Register(h, write("end-broadcast", http.MethodPost, one+"/end", "End a broadcast", http.StatusOK), a.end)
	huma.Register(h, write("rotate-key", http.MethodPost, one+"/key", "Make another stream key; earlier ones are refused from then on", http.StatusOK), a.rotate)
	huma.Register(h, write("revoke-playback", http.MethodPost, one+"/revoke-playback", "Make all playback tokens so far invalid, and tell the owner's new addresses", http.StatusOK), a.revokePlayback)
	huma.Register(h, write("revoke-key", http.MethodDelete, one+"/key", "Revoke the stream key; a publisher that is connected stays", http.StatusNoContent), a.revoke)
}

// shown answers with the record.
func (a *API) shown(ctx context.Context, r registry.Broadcast) *oneOutput {
	from := originOf(ctx)
	out := &oneOutput{CacheControl: "no-store"}
	var media *Broadcast
	if r.State != registry.Created {
		if m, err := a.Directory.Broadcast(ctx, r.ID); err == nil && (m.State != string(registry.Ended) || r.State == registry.Ended) {
			media = &m
		}
	}
	out.Body = a.show(from.caller, r, media)
	out.Body.Playback = a.playback(from.base, from.caller, r)
	return out
}

func (a *API) patch(ctx context.Context, in *patchInput) (*oneOutput, error) {
	if in.Body.Title != nil {
		if err := checkTitle(*in.Body.Title); err != nil {
			return nil, err
		}
	}
	if err := checkSchedule(in.Body.ScheduledStart, time.Now()); err != nil {
		return nil, err
	}
	b, err := a.change(ctx, in.ID, func(b *registry.Broadcast) error {
		if in.Body.Title != nil {
			b.Title = *in.Body.Title
		}
		if in.Body.Visibility != nil {
			b.Visibility = registry.Visibility(*in.Body.Visibility)
		}
		if in.Body.ScheduledStart != nil {
			if b.State != registry.Created {
				return huma.Error409Conflict("the broadcast has begun")
			}
			b.ScheduledStart = *in.Body.ScheduledStart
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return a.shown(ctx, b), nil
}

func (a *API) publish(ctx context.Context, in *postInput) (*oneOutput, error) {
	b, err := a.change(ctx, in.ID, func(b *registry.Broadcast) error {
		if b.Preview && (b.State == registry.Ended || b.End) {
			return huma.Error409Conflict("the broadcast has ended")
		}
		b.Preview = false
		return nil
	})
	if err != nil {
		return nil, err
	}
	return a.shown(ctx, b), nil
}

func (a *API) end(ctx context.Context, in *postInput) (*oneOutput, error) {
	b, err := a.change(ctx, in.ID, func(b *registry.Broadcast) error {
		switch b.State {
		case registry.Ended:
		case registry.Created: // no node has it
			b.State, b.Ended, b.End, b.Key = registry.Ended, time.Now(), true, ""
		default:
			b.End = true
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return a.shown(ctx, b), nil
}

func (a *API) rotate(ctx context.Context, in *keyInput) (*keyOutput, error) {
	key := registry.NewStreamKey()
	b, err := a.change(ctx, in.ID, func(b *registry.Broadcast) error {
		if b.State == registry.Ended || b.End {
			return huma.Error409Conflict("the broadcast has ended: a stream key would admit nobody")
		}
		if b.Owner == "" {
			return huma.Error409Conflict("the broadcast was published without the API: its stream key is in the server's configuration, if it has one")
		}
		if in.IdempotencyKey != "" {
			key = a.derivedKey("rotate", b.Owner, b.ID, in.IdempotencyKey)
		}
		b.Key = registry.HashKey(key)
		return nil
	})
	if err != nil {
		return nil, err
	}
	from := originOf(ctx)
	a.Log.Info("stream key rotated", "broadcast", b.ID)
	return &keyOutput{CacheControl: "no-store", Body: StreamKey{StreamKey: key, Ingest: a.ingestAddresses(from.base, b.ID)}}, nil
}

func (a *API) revoke(ctx context.Context, in *oneInput) (*noContent, error) {
	b, err := a.change(ctx, in.ID, func(b *registry.Broadcast) error {
		b.Key = ""
		return nil
	})
	if err != nil {
		return nil, err
	}
	a.Log.Info("stream key revoked", "broadcast", b.ID)
	return &noContent{CacheControl: "no-store"}, nil
}

func (a *API) revokePlayback(ctx context.Context, in *postInput) (*oneOutput, error) {
	b, err := a.change(ctx, in.ID, func(b *registry.Broadcast) error {
		b.Generation++
		return nil
	})
	if err != nil {
		return nil, err
	}
	a.Log.Info("playback tokens revoked", "broadcast", b.ID)
	return a.shown(ctx, b), nil
}

// remove deletes a broadcast: its media first, so that a failure leaves a record with which it can
// be tried again.
func (a *API) remove(ctx context.Context, in *oneInput) (*noContent, error) {
	if ingest.CheckID(in.ID) != nil {
		return nil, errNotFound()
	}
	b, _, err := a.own(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	if b.State != registry.Created && b.State != registry.Ended {
		return nil, huma.Error409Conflict("the broadcast is live: end it first")
	}
	if b.State == registry.Ended && a.Media != nil {
		if err := a.Media.Delete(ctx, b.ID); err != nil {
			a.Log.Warn("replay not deleted", "broadcast", b.ID, "err", err)
			return nil, huma.ErrorWithHeaders(huma.Error503ServiceUnavailable("the replay cannot be deleted now: nothing is deleted"),
				http.Header{"Retry-After": {seconds(retryAfter)}})
		}
	}
	ctx, cancel := context.WithTimeout(ctx, registryTimeout)
	defer cancel()
	if err := a.Records.RemoveBroadcast(ctx, b.ID); err != nil {
		return nil, a.problemOf(err)
	}
	a.Log.Info("broadcast deleted", "broadcast", b.ID)
	return &noContent{CacheControl: "no-store"}, nil
}
