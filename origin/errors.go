package origin

import (
	"context"
	"errors"
	"net/http"

	"golive/origin/playtoken"
	"golive/playlist"
	"golive/storage"
)

// Why a request is refused, beside the errors of a Source.
var (
	errDirective = errors.New("delivery directive is not valid")
	errRange     = errors.New("range is not inside the resource")
	// ErrBusy refuses a read from storage while too many are under way.
	ErrBusy = errors.New("too much is read from storage at once")
)

// statusOf returns the HTTP status for err.
func statusOf(err error) int {
	if _, refused := errors.AsType[playtoken.Error](err); refused {
		return http.StatusForbidden
	}
	switch {
	case err == nil:
		return http.StatusOK
	case errors.Is(err, playlist.ErrNotFound), errors.Is(err, storage.ErrNotExist):
		return http.StatusNotFound
	case errors.Is(err, errDirective), errors.Is(err, playlist.ErrTooFarAhead):
		return http.StatusBadRequest
	case errors.Is(err, errRange):
		return http.StatusRequestedRangeNotSatisfiable
	case errors.Is(err, playlist.ErrTimeout), errors.Is(err, ErrBusy):
		return http.StatusServiceUnavailable
	case errors.Is(err, context.Canceled):
		return statusClientLeft
	}
	return http.StatusBadGateway
}

// statusClientLeft counts requests whose client has left; it is never sent.
const statusClientLeft = 499
