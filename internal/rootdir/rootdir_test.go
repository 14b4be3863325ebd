package rootdir

import (
	"os"
	"path/filepath"
	"testing"
)

func TestDir_RenewReopensARemovedOrReplacedDirectory(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a", "b")
	d, err := Open(path, 0o755)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = d.Close() }()
	if renewed, err := d.Renew(); renewed || err != nil {
		t.Errorf("unchanged: renewed is %t, error %v; want false and none", renewed, err)
	}
	for name, change := range map[string]func() error{
		"removed":  func() error { return os.RemoveAll(filepath.Dir(path)) },
		"replaced": func() error { return os.Rename(path, path+".old") },
	} {
		if err := change(); err != nil {
			t.Fatal(err)
		}
		if renewed, err := d.Renew(); !renewed || err != nil {
			t.Errorf("%s: renewed is %t, error %v; want true and none", name, renewed, err)
		}
		if err := d.Root().WriteFile("x", nil, 0o600); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := os.Stat(filepath.Join(path, "x")); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if err := d.Sync(); err != nil {
			t.Error(err)
		}
	}
}
