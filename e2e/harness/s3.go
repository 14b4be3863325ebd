package harness

import (
	"fmt"
	"testing"

	"golive/storage/s3/s3test"
)

// S3Storage is a new bucket on the store, and what stands in "storage: { … }" for
// golive to use it. Golive goes to address, which is the store's own or a Proxy's.
func S3Storage(tb testing.TB, store *s3test.Server, address string) (yaml, bucket string) {
	tb.Helper()
	bucket = store.Config(tb).Bucket
	return fmt.Sprintf("backend: s3, s3: { provider: custom, endpoint: %q, bucket: %q, access_key: %q, secret_key: %q }",
		"http://"+address, bucket, s3test.AccessKey, s3test.SecretKey), bucket
}
