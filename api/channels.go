package api

import (
	"context"
	"errors"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"golive/api/auth"
	"golive/ingest"
	"golive/registry"
)

type channelInput struct {
	Name           string `path:"name" doc:"The channel's name."`
	IdempotencyKey string `header:"Idempotency-Key" maxLength:"255" doc:"Any text that is new for each key: a request that is repeated with it gets the same key."`
}

type oneChannelInput struct {
	Name string `path:"name" doc:"The channel's name."`
}

func (a *API) registerChannels(h huma.API) {
	const key = "/v1/channels/{name}/key"
	huma.Register(h, write("rotate-channel-key", http.MethodPost, key,
		"Make a lasting stream key: it publishes the channel's next broadcast each time it is used; a channel that is free becomes the user's", http.StatusOK), a.rotateChannel)
	huma.Register(h, write("revoke-channel-key", http.MethodDelete, key, "Revoke the lasting stream key; a publisher that is connected stays", http.StatusNoContent), a.revokeChannel)
}

// changeChannel changes a channel of the caller's.
func (a *API) changeChannel(ctx context.Context, name string, change func(*registry.Channel)) error {
	ctx, cancel := context.WithTimeout(ctx, registryTimeout)
	defer cancel()
	_, err := a.Records.UpdateChannel(ctx, name, func(ch *registry.Channel) error {
		change(ch)
		return nil
	})
	if errors.Is(err, registry.ErrNoRecord) {
		return errNoChannel()
	}
	return a.problemOf(err)
}

func errNoChannel() error { return huma.Error404NotFound("there is no such channel") }

// ownChannel returns the owner of a channel, whom the caller is or acts for; for one that is free, who
// would become its owner.
func (a *API) ownChannel(ctx context.Context, name string) (owner string, err error) {
	c, err := require(ctx, auth.WriteBroadcasts)
	if err != nil {
		return "", err
	}
	if ingest.CheckID(name) != nil {
		return "", errNoChannel()
	}
	ch, ok := a.Records.FindChannel(name)
	if ok && (ch.Owner == c.User.ID || c.Everyone()) {
		return ch.Owner, nil
	}
	if ok {
		return "", huma.Error403Forbidden("this channel is somebody else's")
	}
	return c.User.ID, nil
}

func (a *API) rotateChannel(ctx context.Context, in *channelInput) (*keyOutput, error) {
	owner, err := a.ownChannel(ctx, in.Name)
	if err != nil {
		return nil, err
	}
	if owner == "" {
		return nil, errNoUser()
	}
	if c := originOf(ctx).caller; c.User.ID != "" {
		if d := a.decide(ctx, c.User); !d.Allowed {
			return nil, huma.Error403Forbidden("this user may not go live: " + d.Message)
		}
	}
	if err := a.takeChannel(ctx, in.Name, owner); err != nil {
		return nil, err
	}
	key := registry.NewStreamKey()
	if in.IdempotencyKey != "" {
		key = a.derivedKey("channel", owner, in.Name, in.IdempotencyKey)
	}
	if err := a.changeChannel(ctx, in.Name, func(ch *registry.Channel) { ch.Key = registry.HashKey(key) }); err != nil {
		return nil, err
	}
	a.Log.Info("stream key rotated", "channel", in.Name)
	return &keyOutput{CacheControl: "no-store", Body: StreamKey{StreamKey: key, Ingest: a.ingestAddresses(originOf(ctx).base, "")}}, nil
}

func (a *API) revokeChannel(ctx context.Context, in *oneChannelInput) (*noContent, error) {
	if _, err := a.ownChannel(ctx, in.Name); err != nil {
		return nil, err
	}
	if err := a.changeChannel(ctx, in.Name, func(ch *registry.Channel) { ch.Key = "" }); err != nil {
		return nil, err
	}
	a.Log.Info("stream key revoked", "channel", in.Name)
	return &noContent{CacheControl: "no-store"}, nil
}
