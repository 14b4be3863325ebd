package harness

import (
	"os"
	"path/filepath"
	"testing"

	"golive/internal/config"
	"golive/storage"
	"golive/storage/s3"
	"golive/storage/s3/s3test"
)

func TestS3Storage_ReturnsAWorkingConfiguration(t *testing.T) {
	store := s3test.Start(t)
	proxy := StartProxy(t, store.Address)
	yaml, bucket := S3Storage(t, store, proxy.Address)
	file := filepath.Join(t.TempDir(), "golive.yaml")
	if err := os.WriteFile(file, []byte("storage: { "+yaml+" }\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	loaded, err := config.Load(config.Input{File: file})
	if err != nil {
		t.Fatal(err)
	}
	if got := loaded.Config.Storage.Backend; got != "s3" {
		t.Errorf("the backend is %q", got)
	}
	b, err := s3.New(t.Context(), loaded.Config.Storage.S3)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Put(t.Context(), storage.Object{Key: "live/a", Slabs: [][]byte{[]byte("a")}}); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(store.Dir, bucket, "live", "a")); err != nil {
		t.Error(err)
	}
	if proxy.Cut(Reset) == 0 {
		t.Error("golive's connection does not go through the proxy")
	}
}
