package api

import (
	"errors"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"golive/registry"
)

// retryAfter is what clients are told to wait while the registry cannot be reached.
const retryAfter = 5 * time.Second

// registryTimeout bounds a write to the registry.
const registryTimeout = 5 * time.Second

// errNotFound is the problem of a broadcast that does not exist, or that the caller may not know of.
func errNotFound() error { return huma.Error404NotFound(ErrNotFound.Error()) }

// errNobody is the problem of a request without credentials.
func errNobody() error {
	return huma.ErrorWithHeaders(huma.Error401Unauthorized("send Authorization: Bearer TOKEN"),
		http.Header{"WWW-Authenticate": {`Bearer realm="golive"`}})
}

// problemOf returns the problem for an error of the registry. A problem stays what it is.
func (a *API) problemOf(err error) error {
	var status huma.StatusError
	switch {
	case err == nil, errors.As(err, &status):
		return err
	case errors.Is(err, registry.ErrNoRecord):
		return errNotFound()
	case errors.Is(err, registry.ErrExists):
		return huma.Error409Conflict("there is one with that name already")
	}
	if !errors.Is(err, registry.ErrAway) {
		a.Log.Warn("registry write failed", "err", err)
	}
	return huma.ErrorWithHeaders(huma.Error503ServiceUnavailable("the registry cannot be reached now: nothing is known to be changed"),
		http.Header{"Retry-After": {seconds(retryAfter)}})
}
