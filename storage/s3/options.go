package s3

import (
	"errors"
	"math/rand/v2"
	"net/http"
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
func options(cfg storage.S3Config, p profile, client *httpClient, keys *rotating) s3.Options {
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
				retry.IsErrorRetryableFunc(keys.refused))...)
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
