package s3

import (
	"testing"

	"golive/storage"
	"golive/storage/s3/s3test"
	"golive/storage/storagetest"
)

func open(tb testing.TB, cfg storage.S3Config) *Bucket {
	tb.Helper()
	b, err := New(tb.Context(), cfg)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = b.Close() })
	return b
}

func TestBucket_KeepsTheContract(t *testing.T) {
	server := s3test.Start(t)
	for name, change := range map[string]func(*storage.S3Config){
		"AsCustom":          func(*storage.S3Config) {},
		"WithEveryChecksum": func(c *storage.S3Config) { c.Checksum = "when_supported" },
		"DeletingVersions":  func(c *storage.S3Config) { c.Delete = "versions" },
	} {
		t.Run(name, func(t *testing.T) {
			storagetest.Test(t, func(t *testing.T) storage.Bucket {
				t.Helper()
				cfg := server.Config(t)
				change(&cfg)
				return open(t, cfg)
			})
		})
	}
}
