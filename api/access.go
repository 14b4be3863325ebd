package api

import (
	"context"

	"github.com/danielgtaylor/huma/v2"

	"golive/api/auth"
	"golive/ingest"
	"golive/registry"
)

// require returns the caller, who must have the scope.
func require(ctx context.Context, s auth.Scope) (auth.Caller, error) {
	c := originOf(ctx).caller
	switch {
	case c.Anonymous():
		return c, errNobody()
	case !c.Has(s):
		return c, huma.Error403Forbidden("this API key lacks the scope " + string(s))
	}
	return c, nil
}

// owns reports whether the broadcast is the caller's, or any is.
func owns(c auth.Caller, b registry.Broadcast) bool {
	if b.Owner == "" && c.Open {
		return true // the development mode believes anybody anyway
	}
	return c.Everyone() || b.Owner != "" && b.Owner == c.User.ID
}

// maySee reports whether the caller may know of the broadcast.
func maySee(c auth.Caller, b registry.Broadcast) bool {
	return !b.IsHidden() || owns(c, b) && c.Has(auth.ReadBroadcasts)
}

// mayChange returns a problem unless the caller may change the broadcast.
func mayChange(c auth.Caller, b registry.Broadcast) error {
	switch {
	case owns(c, b):
		return nil
	case maySee(c, b):
		return huma.Error403Forbidden("this broadcast is somebody else's")
	}
	return errNotFound()
}

// own returns the record of an id, and the caller, who may change it.
func (a *API) own(ctx context.Context, id string) (registry.Broadcast, auth.Caller, error) {
	c, err := require(ctx, auth.WriteBroadcasts)
	if err != nil {
		return registry.Broadcast{}, c, err
	}
	if ingest.CheckID(id) != nil {
		return registry.Broadcast{}, c, errNotFound()
	}
	b, ok := a.Records.FindBroadcast(id)
	if !ok {
		if _, err := a.Directory.Broadcast(ctx, id); err == nil && !c.Everyone() && !c.Open {
			return b, c, huma.Error403Forbidden("this broadcast is somebody else's")
		}
		return b, c, errNotFound()
	}
	return b, c, mayChange(c, b)
}

// change changes the record of an id for a caller who may do that.
func (a *API) change(ctx context.Context, id string, change func(*registry.Broadcast) error) (registry.Broadcast, error) {
	_, c, err := a.own(ctx, id)
	if err != nil {
		return registry.Broadcast{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, registryTimeout)
	defer cancel()
	b, err := a.Records.UpdateBroadcast(ctx, id, func(b *registry.Broadcast) error {
		if err := mayChange(c, *b); err != nil {
			return err
		}
		return change(b)
	})
	return b, a.problemOf(err)
}
