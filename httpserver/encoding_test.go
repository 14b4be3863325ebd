package httpserver

import "testing"

func TestAcceptsGzip_FollowsTheHeader(t *testing.T) {
	for header, want := range map[string]bool{
		"": false, "gzip": true, "GZIP": true, "deflate": false, "br, gzip": true, "br;q=1, gzip;q=0.5": true,
		"gzip;q=0": false, "gzip; q=0.000": false, "gzip ; Q = 0": false, "gzip;q=x": true, "gzip;level=0": true,
		"*": true, "*;q=0": false, "*, gzip;q=0": false, "gzip;q=0, *": false, "identity": false, "gzipped": false,
	} {
		if got := AcceptsGzip([]string{header}); got != want {
			t.Errorf("%q: %t, want %t", header, got, want)
		}
	}
	if !AcceptsGzip([]string{"br", "gzip"}) {
		t.Error("gzip in a second header line is not accepted")
	}
}
