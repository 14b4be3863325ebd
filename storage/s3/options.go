package s3

import (
	"errors"
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/ratelimit"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"golive/storage"
)

const (
	// attempts is how often the SDK tries by itself: enough for a short failure. A longer
	// one is for the caller, which orders the attempts, counts and logs them.
	attempts = 3
	// firstBackoff is how long it waits for the second attempt at most, and half as
	// long at least; then twice as long each time.
	firstBackoff = 200 * time.Millisecond
)

// options are the SDK's settings. Where its own defaults suit AWS alone, or callers
// that do not try again themselves, ours differ (docs/decisions/0004).
func options(cfg storage.S3Config, p profile, client *httpClient, keys *rotatingCredentials) s3.Options {
	o := s3.Options{
		Region:                     cfg.Region,
		Credentials:                keys,
		HTTPClient:                 client,
		HTTPSignerV4:               newSigner(),
		UsePathStyle:               p.pathStyle,
		RequestChecksumCalculation: aws.RequestChecksumCalculationWhenRequired,
		ResponseChecksumValidation: aws.ResponseChecksumValidationWhenRequired,
		// Segments are small, and some servers mishandle "Expect".
		ContinueHeaderThresholdBytes: -1,
		Retryer: retry.NewStandard(func(o *retry.StandardOptions) {
			o.MaxAttempts = attempts
			// Conflict is what stores answer to two operations at once, on one key or,
			// with folders behind them, on one folder: trying again is all it takes.
			// Too many requests has no error code that all stores agree on.
			o.Retryables = append([]retry.IsErrorRetryable{retry.IsErrorRetryableFunc(longRetryAfter)}, append(o.Retryables,
				retry.RetryableHTTPStatusCode{Codes: map[int]struct{}{http.StatusConflict: {}, http.StatusTooManyRequests: {}}},
				retry.IsErrorRetryableFunc(keys.noteRefusal))...)
			o.Backoff = retry.BackoffDelayerFunc(backoff)
			// The shared bucket of tokens runs dry in an outage: uploads then fail
			// without having been tried.
			o.RateLimiter = ratelimit.None
		}),
	}
	if p.alwaysChecksum {
		o.RequestChecksumCalculation = aws.RequestChecksumCalculationWhenSupported
		o.ResponseChecksumValidation = aws.ResponseChecksumValidationWhenSupported
	}
	if p.endpoint != "" {
		o.BaseEndpoint = &p.endpoint
	}
	return o
}

// backoff returns how long to wait after the attempt. The SDK's own begins at a second:
// long, for a segment that players wait for.
func backoff(attempt int, err error) (time.Duration, error) {
	d := firstBackoff << min(max(attempt-1, 0), attempts)
	return max(d/2+rand.N(d/2), retryAfter(err)), nil
}

func isNoSuchKey(err error) bool {
	api, ok := errors.AsType[smithy.APIError](err)
	return ok && api.ErrorCode() == "NoSuchKey"
}

func isOutsideRange(err error) bool {
	resp, ok := errors.AsType[*smithyhttp.ResponseError](err)
	return ok && resp.HTTPStatusCode() == http.StatusRequestedRangeNotSatisfiable
}

const (
	// maxRetryAfter bounds the time that a store asks to wait.
	maxRetryAfter = time.Minute
	// shortRetryAfter is how long an operation waits by itself. For longer its error is
	// returned, so that the caller can show it and do other things.
	shortRetryAfter = 2 * time.Second
)

// retryAfter returns how long the store asked to wait with Retry-After (RFC 9110 section
// 10.2.3): seconds, or a date by the store's own clock. It is 0 where the store asked for
// nothing, and maxRetryAfter at most.
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

// longRetryAfter returns false, for no further attempt, when the store asked to wait long.
func longRetryAfter(err error) aws.Ternary {
	if retryAfter(err) > shortRetryAfter {
		return aws.FalseTernary
	}
	return aws.UnknownTernary
}
