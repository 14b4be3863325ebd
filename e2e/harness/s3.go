package harness

import (
	"fmt"
	"testing"

	"golive/storage/s3/s3test"
)

// S3Storage creates a bucket on the store, and returns the YAML in "storage: { … }" for it.
// address is the store's or that of a Proxy.
func S3Storage(tb testing.TB, store *s3test.Server, address string) (yaml, bucket string) {
	tb.Helper()
	bucket = store.Config(tb).Bucket
	return fmt.Sprintf("backend: s3, s3: { provider: custom, endpoint: %q, bucket: %q, access_key: %q, secret_key: %q }",
		"http://"+address, bucket, s3test.AccessKey, s3test.SecretKey), bucket
}
