//go:build unix

package main

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golive/internal/config"
)

func TestLockFolders_LocksWrittenFolders(t *testing.T) {
	s3 := func(c *config.Config) { c.Storage.Backend = "s3" }
	spool := func(c *config.Config) { s3(c); c.Storage.Spool.Path = filepath.Join(c.DataDir, "spool") }
	tests := []struct {
		name   string
		change func(c *config.Config)
		want   string // the keys
	}{
		{"disk", func(*config.Config) {}, "data_dir"},
		{"s3", s3, "data_dir"},
		{"s3, spool in another folder", spool, "data_dir storage.spool.path"},
		{"s3, spool in the same folder", func(c *config.Config) { s3(c); c.Storage.Spool.Path = c.DataDir + "/" }, "data_dir storage.spool.path"},
		{"memory and the registry inside", func(c *config.Config) { c.Storage.Backend = "memory" }, "data_dir"},
		{"memory and an external registry", func(c *config.Config) { c.Storage.Backend, c.Registry.URL = "memory", "nats://nats-1" }, ""},
		{"memory, spool is not used", func(c *config.Config) { spool(c); c.Storage.Backend, c.Registry.URL = "memory", "nats://nats-1" }, ""},
		{"memory and certificates", func(c *config.Config) {
			c.Storage.Backend, c.Origin.TLS.Listen, c.Origin.TLS.Auto.Domains = "memory", ":443", []string{"live.example.com"}
		}, "data_dir"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			cfg := config.Default()
			cfg.DataDir = filepath.Join(t.TempDir(), "data")
			test.change(&cfg)
			var keys []string
			for _, f := range writtenFolders(cfg) {
				keys = append(keys, f.key)
			}
			if got := strings.Join(keys, " "); got != test.want {
				t.Errorf("locks %q, want %q", got, test.want)
			}
			log := slog.New(slog.DiscardHandler)
			locks, err := lockFolders(cfg, log)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := os.Stat(cfg.DataDir); test.want == "" && !errors.Is(err, os.ErrNotExist) {
				t.Errorf("a folder that is not needed was made: %v", err)
			}
			var locked *lockedError
			if _, err := lockFolders(cfg, log); test.want != "" && !errors.As(err, &locked) {
				t.Errorf("a second time: %v", err)
			}
			if err := locks.release(); err != nil {
				t.Fatal(err)
			}
			again, err := lockFolders(cfg, log)
			if err != nil {
				t.Fatalf("after the release: %v", err)
			}
			if err := again.release(); err != nil {
				t.Fatal(err)
			}
		})
	}
}

func TestOwnerOf_IgnoresForeignFiles(t *testing.T) {
	for text, want := range map[string]string{
		"":                                    "",
		"\n":                                  "",
		"123":                                 "",
		"\x1b[31m5 host\n":                    "",
		strings.Repeat("9", 5000) + " host\n": "",
		"123 host\n":                          `process 123 on "host"`,
	} {
		f, err := os.Create(filepath.Join(t.TempDir(), lockFile))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.WriteString(text); err != nil {
			t.Fatal(err)
		}
		if got := ownerOf(f); got != want {
			t.Errorf("%.20q: owner %q, want %q", text, got, want)
		}
		_ = f.Close()
	}
}

// Only the registry needs the folder: golive starts without it, as it does while a registry is
// away.
func TestLockFolders_GoesOnWithoutAFolderThatOnlyTheRegistryNeeds(t *testing.T) {
	cfg := config.Default()
	cfg.DataDir = filepath.Join(t.TempDir(), "file", "data")
	if err := os.WriteFile(filepath.Dir(cfg.DataDir), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	if _, err := lockFolders(cfg, log); err == nil {
		t.Error("backend disk starts without its folder")
	}
	cfg.Storage.Backend = "memory"
	locks, err := lockFolders(cfg, log)
	if err != nil || len(locks) > 0 {
		t.Errorf("%d locks, %v", len(locks), err)
	}
}
