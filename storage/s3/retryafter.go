package s3

import (
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

const (
	// maxRetryAfter bounds the time that a store asks to wait.
	maxRetryAfter = time.Minute
	// shortRetryAfter is how long an operation waits by itself. For longer its error is
	// returned, so that the caller can show it and do other things.
	shortRetryAfter = 2 * time.Second
)

// retryAfter returns how long the store asked to be left alone with Retry-After (RFC 9110
// section 10.2.3): seconds, or a date by the store's own clock. It is 0 where the store
// asked for nothing, and maxRetryAfter at most.
func retryAfter(err error) time.Duration {
	answer, ok := errors.AsType[*smithyhttp.ResponseError](err)
	if !ok {
		return 0
	}
	switch answer.HTTPStatusCode() {
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
	default:
		return 0
	}
	header := answer.HTTPResponse().Header
	value := header.Get("Retry-After")
	var wait time.Duration
	if seconds, err := strconv.ParseUint(value, 10, 63); err == nil {
		wait = time.Duration(min(seconds, uint64(maxRetryAfter/time.Second))) * time.Second
	} else if date, err := http.ParseTime(value); err == nil {
		now, err := http.ParseTime(header.Get("Date"))
		if err != nil {
			now = time.Now()
		}
		wait = date.Sub(now)
	}
	return min(max(wait, 0), maxRetryAfter)
}

// longRetryAfter is false, for no further attempt, when the store asked to be left alone
// for long.
func longRetryAfter(err error) aws.Ternary {
	if retryAfter(err) > shortRetryAfter {
		return aws.FalseTernary
	}
	return aws.UnknownTernary
}
