package origin

import (
	"context"
	"errors"
	"net/http"

	"golive/storage"
)

// The refusals.
var (
	errNotFound  = errors.New("there is nothing at this address")
	errDirective = errors.New("delivery directive is not valid")
	errTooLate   = errors.New("the broadcast did not advance in time")
	errRange     = errors.New("range is not inside the resource")
	// ErrBusy says that no more can be read from storage now; soon it can.
	ErrBusy = errors.New("too much is read from storage at once")
)

// statusOf is the HTTP status that tells err.
func statusOf(err error) int {
	switch {
	case err == nil:
		return http.StatusOK
	case errors.Is(err, errNotFound), errors.Is(err, storage.ErrNotExist):
		return http.StatusNotFound
	case errors.Is(err, errDirective):
		return http.StatusBadRequest
	case errors.Is(err, errRange):
		return http.StatusRequestedRangeNotSatisfiable
	case errors.Is(err, errTooLate), errors.Is(err, ErrBusy):
		return http.StatusServiceUnavailable
	case errors.Is(err, context.Canceled):
		return statusClientLeft
	}
	return http.StatusBadGateway
}

// statusClientLeft is what metrics say of a request whose client has left; nobody
// is sent it.
const statusClientLeft = 499
