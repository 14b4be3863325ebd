package s3

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"golive/storage"
)

const (
	// statInterval is the least time between two looks at the files of credentials.
	statInterval = time.Second
	// reloadInterval is the least time until credentials are read again because the store
	// refused them: they may come from a service with a rate limit.
	reloadInterval = time.Second
)

// rotatingCredentials are credentials that may be replaced while golive runs. They are read again
// when a file they come from changes, and when the store has refused them.
type rotatingCredentials struct {
	load  func(ctx context.Context) (aws.CredentialsProvider, error)
	files []string

	mu      sync.Mutex
	current aws.CredentialsProvider
	seen    string    // content of the files when they were read
	looked  time.Time // when the files were last compared with seen
	loaded  time.Time // when current was last read
	stale   bool      // the store has refused them since they were read
}

// newCredentials returns the configured key pair, or what the SDK finds in the
// environment. Those that cannot be read now are an error.
func newCredentials(ctx context.Context, cfg storage.S3Config) (*rotatingCredentials, error) {
	r := &rotatingCredentials{load: environment(cfg), files: sharedFiles()}
	if !cfg.AccessKey.Empty() {
		r.load, r.files = configured(cfg), nil
		for _, name := range []string{cfg.AccessKey.File(), cfg.SecretKey.File()} {
			if name != "" {
				r.files = append(r.files, name)
			}
		}
	}
	r.seen = r.content()
	current, err := r.load(ctx)
	if err != nil {
		return nil, err
	}
	r.current, r.loaded, r.looked = current, time.Now(), time.Now()
	return r, nil
}

// configured loads the key pair of the configuration, from its files where it has any.
func configured(cfg storage.S3Config) func(context.Context) (aws.CredentialsProvider, error) {
	return func(context.Context) (aws.CredentialsProvider, error) {
		id, err := cfg.AccessKey.Reread()
		if err != nil {
			return nil, fmt.Errorf("storage.s3.access_key_file: %w", err)
		}
		secret, err := cfg.SecretKey.Reread()
		if err != nil {
			return nil, fmt.Errorf("storage.s3.secret_key_file: %w", err)
		}
		return credentials.NewStaticCredentialsProvider(id.Reveal(), secret.Reveal(), ""), nil
	}
}

// environment loads what the SDK finds. It reads the shared files only here: its own
// providers keep what they have read for ever.
func environment(cfg storage.S3Config) func(context.Context) (aws.CredentialsProvider, error) {
	return func(ctx context.Context) (aws.CredentialsProvider, error) {
		found, err := config.LoadDefaultConfig(ctx, config.WithRegion(cfg.Region))
		if err != nil {
			return nil, fmt.Errorf("read the environment's AWS settings: %w (set storage.s3.access_key and storage.s3.secret_key, or correct them)", err)
		}
		return found.Credentials, nil
	}
}

// sharedFiles returns the names of the files in which AWS's tools keep credentials.
func sharedFiles() []string {
	home, err := os.UserHomeDir()
	if err != nil {
		home = ""
	}
	var files []string
	for variable, name := range map[string]string{
		"AWS_SHARED_CREDENTIALS_FILE": "credentials",
		"AWS_CONFIG_FILE":             "config",
	} {
		if set := os.Getenv(variable); set != "" {
			files = append(files, set)
		} else if home != "" {
			files = append(files, filepath.Join(home, ".aws", name))
		}
	}
	return files
}

// Retrieve implements aws.CredentialsProvider.
func (r *rotatingCredentials) Retrieve(ctx context.Context) (aws.Credentials, error) {
	c, err := r.provider(ctx).Retrieve(ctx)
	if err != nil {
		// It would look like a failure of the store.
		return c, fmt.Errorf("%w: %w", errNoCredentials, err)
	}
	return c, nil
}

// provider returns the newest that can be read: while a file is being replaced the ones
// before stay.
func (r *rotatingCredentials) provider(ctx context.Context) aws.CredentialsProvider {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	if now.Sub(r.looked) >= statInterval {
		r.looked = now
		if seen := r.content(); seen != r.seen {
			r.seen, r.stale = seen, true
			r.loaded = time.Time{}
		}
	}
	if !r.stale || now.Sub(r.loaded) < reloadInterval {
		return r.current
	}
	r.loaded = now
	// A caller whose context ends must not keep the others from getting the new ones.
	if next, err := r.load(context.WithoutCancel(ctx)); err == nil {
		r.current, r.stale = next, false
	}
	return r.current
}

// noteRefusal notes that the store may have refused the credentials. It returns true for an error
// that certainly means that: the next attempt then uses the newest credentials. Some stores only
// answer that access is denied; then the caller tries again.
func (r *rotatingCredentials) noteRefusal(err error) aws.Ternary {
	answer, ok := errors.AsType[*smithyhttp.ResponseError](err)
	if !ok {
		return aws.UnknownTernary
	}
	api, named := errors.AsType[smithy.APIError](err)
	stale := named && isStaleKey(api.ErrorCode())
	if status := answer.HTTPStatusCode(); !stale && status != http.StatusUnauthorized && status != http.StatusForbidden {
		return aws.UnknownTernary
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stale, r.looked = true, time.Time{}
	if !stale {
		return aws.UnknownTernary
	}
	return aws.TrueTernary
}

// isStaleKey reports whether the error code may mean that the key has been replaced.
func isStaleKey(code string) bool {
	switch code {
	case "ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired", "InvalidToken", // AWS
		"InvalidAccessKeyId", "SignatureDoesNotMatch", // also when the secret alone was replaced
		"InvalidClientTokenId", "UnrecognizedClientException", // of AWS's other services and copies of them
		"XAdminUserNotFound", "InvalidSecurity", "Unauthorized": // MinIO, GCS, R2
		return true
	}
	return false
}

// content returns the content of all files, to notice when it changes. A missing file counts as
// empty.
func (r *rotatingCredentials) content() string {
	var all []byte
	for _, name := range r.files {
		text, err := os.ReadFile(name)
		if err != nil {
			text = nil
		}
		all = append(append(all, text...), 0)
	}
	return string(all)
}
