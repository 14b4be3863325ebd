package rfc6381_test

import (
	"testing"

	"golive/codec/rfc6381"
)

func TestCovers(t *testing.T) {
	for _, c := range []struct {
		decoder, media string
		want           bool
	}{
		{"avc1.64001e", "avc1.64001e", true},
		{"avc1.64001E", "avc1.64001e", true},
		{"avc1.64001e", "avc1.640015", true},
		{"avc1.640015", "avc1.64001e", false},
		{"avc1.640028", "avc1.42e01e", true},
		{"avc1.4d4028", "avc1.64001e", false},
		{"avc1.64001e", "avc3.64001e", false},
		{"avc1.580028", "avc1.42e01e", false}, // Extended
		{"avc1.64001", "avc1.640015", false},
		{"avc1.zz001e", "avc1.640015", false},
		{"hvc1.1.6.L120.90", "hvc1.1.6.L93.B0", true},
		{"hvc1.2.4.L120.90", "hvc1.1.6.L93.B0", true},
		{"hvc1.1.6.L120.90", "hvc1.2.4.L93.B0", false},
		{"hvc1.1.6.H120.90", "hvc1.1.6.L93.B0", false}, // not known
		{"hvc1.1.6.L93.B0", "avc1.64001e", false},
		{"av01.0.08M.10", "av01.0.05M.08", true},
		{"av01.0.05M.08", "av01.0.05M.10", false},
		{"av01.1.05M.08", "av01.0.05M.08", false},
		{"mp4a.40.2", "mp4a.40.2", true},
		{"mp4a.40.5", "mp4a.40.2", false},
		{"", "", true},
		{"avc1", "avc1.64001e", false},
	} {
		if got := rfc6381.Covers(c.decoder, c.media); got != c.want {
			t.Errorf("Covers(%q, %q) = %v, want %v", c.decoder, c.media, got, c.want)
		}
	}
}

func TestJoin(t *testing.T) {
	for _, c := range []struct{ older, newer, want string }{
		{"avc1.64001f", "avc1.640015", "avc1.64001f"},
		{"avc1.640015", "avc1.64001f", "avc1.64001f"},
		{"avc1.42e01f", "avc1.640015", "avc1.64001f"},
		{"avc1.640015", "avc1.42e01f", "avc1.64001f"},
		{"avc1.64001f", "hvc1.1.6.L93.B0", "hvc1.1.6.L93.B0"},
		{"hvc1.1.6.L120.90", "hvc1.2.4.L93.B0", "hvc1.2.4.L120.B0"},
		{"av01.0.08M.08.0.110.01.01.01.0", "av01.0.05M.10.0.110.09.16.09.0", "av01.0.08M.10.0.110.09.16.09.0"},
		{"mp4a.40.5", "mp4a.40.2", "mp4a.40.2"},
		{"", "avc1.64001f", "avc1.64001f"},
	} {
		got := rfc6381.Join(c.older, c.newer)
		if got != c.want {
			t.Errorf("Join(%q, %q) = %q, want %q", c.older, c.newer, got, c.want)
		}
		if !rfc6381.Covers(got, c.newer) {
			t.Errorf("%q does not cover %q", got, c.newer)
		}
	}
}
