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

func TestCheckKey_AcceptsKeysThatGoliveWrites(t *testing.T) {
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

// FuzzCheckKey checks what a backend relies on for every accepted key: it is a clean
// relative path that does not leave its folder. There is a seed for each
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
				t.Errorf("error is %v, want %v", err, storage.ErrKey)
			}
			return
		}
		if !filepath.IsLocal(key) || path.Clean(key) != key || !utf8.ValidString(key) {
			t.Errorf("%q is accepted", key)
		}
		if strings.HasPrefix(key, ".") || strings.Contains(key, "/.") || strings.ContainsAny(key, "\x00\\\r\n") {
			t.Errorf("%q is accepted", key)
		}
		if len(key) > storage.MaxKeyLength || len(path.Base(key)) > storage.MaxKeySegmentLength {
			t.Errorf("%q is accepted with %d bytes", key, len(key))
		}
	})
}
