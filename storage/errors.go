package storage

import (
	"context"
	"errors"
	"time"
)

// The errors that a Bucket's errors wrap when the bucket works.
var (
	// ErrNotExist: there is no such object.
	ErrNotExist = errors.New("object does not exist")
	// ErrKey: the key cannot name an object.
	ErrKey = errors.New("key is not allowed")
	// ErrRange: the range is not wholly inside the object.
	ErrRange = errors.New("range is outside the object")
)

// Error is the error of one operation of a Bucket.
type Error struct {
	// Op is "put", "get", "delete" or "list".
	Op string
	// Key is the object's key; List's prefix.
	Key string
	// Err is the cause.
	Err error
	// Hint is what the operator can do about it; may be empty.
	Hint string
	// Permanent is true if the same operation will fail again however often it is
	// tried.
	Permanent bool
	// RetryAfter is how long the bucket asked to wait; 0 when it did not.
	RetryAfter time.Duration
}

// Error returns the operation, the key, the cause and the hint.
func (e *Error) Error() string {
	s := e.Op + " " + e.Key + ": " + e.Err.Error()
	if e.Hint != "" {
		s += " (" + e.Hint + ")"
	}
	return s
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Retryable reports whether the same operation may succeed later. It is true for a full disk
// and a missing permission: the operator can correct them while golive keeps trying.
func (e *Error) Retryable() bool {
	return !e.Permanent && !notFailure(e.Err) && !errors.Is(e.Err, ErrKey)
}

// notFailure reports whether err is a result, or the caller cancelled: no failure of the
// bucket.
func notFailure(err error) bool {
	return errors.Is(err, ErrNotExist) || errors.Is(err, ErrRange) || errors.Is(err, context.Canceled)
}

// Retryable reports whether the operation that failed with err may succeed later. It is true for
// an error that is no *Error: a lost segment costs more than a useless try.
func Retryable(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return !ok || e.Retryable()
}

// RetryAfter returns how long the bucket asked to wait after err; 0 when it did not.
func RetryAfter(err error) time.Duration {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.RetryAfter
	}
	return 0
}
