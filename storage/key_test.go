package storage_test

import (
	"errors"
	"path"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"golive/storage"
)

func TestCheckKey_TakesWhatTheHouseWrites(t *testing.T) {
	for _, key := range []string{
		"live/my-show.2/source/s1a2b-7.ts",
		"live/a/index.m3u8",
		"a",
		strings.Repeat("a", storage.MaxKeySegmentLength),
		"ä/ö",
	} {
		if err := storage.CheckKey(key); err != nil {
			t.Errorf("%q: %v", key, err)
		}
	}
}

// FuzzCheckKey holds every key that passes to what a backend relies on: it is its
// own clean relative path, and leads nowhere but down. The seeds are one for each
// rule.
func FuzzCheckKey(f *testing.F) {
	for _, seed := range []string{
		"live/a/source/x-1.ts", "", ".", "..", "/a", "a/", "a//b", "a/../b", "a/./b", ".tmp/1",
		`a\..\b`, "a\x00", "a\x7f", "a\u0085", "\xff", strings.Repeat("a", 256), strings.Repeat("a/", 512),
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, key string) {
		err := storage.CheckKey(key)
		if err != nil {
			if !errors.Is(err, storage.ErrKey) {
				t.Errorf("error is %v", err)
			}
			return
		}
		if !filepath.IsLocal(key) || path.Clean(key) != key || !utf8.ValidString(key) {
			t.Errorf("%q passed", key)
		}
		if strings.HasPrefix(key, ".") || strings.Contains(key, "/.") || strings.ContainsAny(key, "\x00\\\r\n") {
			t.Errorf("%q passed", key)
		}
		if len(key) > storage.MaxKeyLength || len(path.Base(key)) > storage.MaxKeySegmentLength {
			t.Errorf("%q passed, it has %d bytes", key, len(key))
		}
	})
}
