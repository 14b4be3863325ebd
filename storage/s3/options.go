package s3

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/ratelimit"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"golive/storage"
)

const (
	// attempts is how often the SDK tries by itself: enough for a hiccup. What
	// lasts longer is for whoever called, who orders, counts and tells it.
	attempts = 3
	// firstBackoff is how long it waits for the second attempt at most, and half as
	// long at least; then twice as long each time.
	firstBackoff = 200 * time.Millisecond
)

// options are the SDK's settings. Where its own defaults suit AWS alone, or callers
// with nobody behind them to try again, ours differ (docs/decisions/0004).
func options(cfg storage.S3Config, p profile, client *httpClient, keys aws.CredentialsProvider) s3.Options {
	o := s3.Options{
		Region:                     cfg.Region,
		Credentials:                keys,
		HTTPClient:                 client,
		UsePathStyle:               p.pathStyle,
		RequestChecksumCalculation: aws.RequestChecksumCalculationWhenRequired,
		ResponseChecksumValidation: aws.ResponseChecksumValidationWhenRequired,
		// Segments are small, and some servers mishandle "Expect".
		ContinueHeaderThresholdBytes: -1,
		Retryer: retry.NewStandard(func(o *retry.StandardOptions) {
			o.MaxAttempts = attempts
			// Conflict is what stores answer to two operations at once, on one key or,
			// with folders behind them, on one folder: trying again is all it takes.
			o.Retryables = append(o.Retryables, retry.RetryableHTTPStatusCode{Codes: map[int]struct{}{http.StatusConflict: {}}})
			o.Backoff = retry.BackoffDelayerFunc(backoff)
			// The shared bucket of tokens runs dry in an outage: uploads then fail
			// without having been tried.
			o.RateLimiter = ratelimit.None
		}),
	}
	if p.everyChecksum {
		o.RequestChecksumCalculation = aws.RequestChecksumCalculationWhenSupported
		o.ResponseChecksumValidation = aws.ResponseChecksumValidationWhenSupported
	}
	if cfg.Endpoint != "" {
		o.BaseEndpoint = &cfg.Endpoint
	}
	return o
}

// backoff is how long to wait behind the attempt. The SDK's own begins at a second:
// long, for a segment that players wait for.
func backoff(attempt int, _ error) (time.Duration, error) {
	d := firstBackoff << min(max(attempt-1, 0), attempts)
	return d/2 + rand.N(d/2), nil
}

// credentialsOf is the configured key pair, or what the SDK finds in the
// environment.
func credentialsOf(ctx context.Context, cfg storage.S3Config) (aws.CredentialsProvider, error) {
	if !cfg.AccessKey.Empty() {
		return credentials.NewStaticCredentialsProvider(cfg.AccessKey.Reveal(), cfg.SecretKey.Reveal(), ""), nil
	}
	found, err := config.LoadDefaultConfig(ctx, config.WithRegion(cfg.Region))
	if err != nil {
		return nil, fmt.Errorf("read the environment's AWS settings: %w (set storage.s3.access_key and storage.s3.secret_key, or mend them)", err)
	}
	return environment{found.Credentials}, nil
}

// environment marks its failures, which look like failures of the store.
type environment struct{ aws.CredentialsProvider }

// Retrieve implements aws.CredentialsProvider.
func (e environment) Retrieve(ctx context.Context) (aws.Credentials, error) {
	c, err := e.CredentialsProvider.Retrieve(ctx)
	if err != nil {
		return c, fmt.Errorf("%w: %w", errNoCredentials, err)
	}
	return c, nil
}

func isNoSuchKey(err error) bool {
	api, ok := errors.AsType[smithy.APIError](err)
	return ok && api.ErrorCode() == "NoSuchKey"
}

func isOutsideRange(err error) bool {
	resp, ok := errors.AsType[*smithyhttp.ResponseError](err)
	return ok && resp.HTTPStatusCode() == http.StatusRequestedRangeNotSatisfiable
}
