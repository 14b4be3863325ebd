package publisher

import (
	"strings"
	"testing"
)

func TestParseTarget_SplitsURLs(t *testing.T) {
	for _, c := range []struct {
		url  string
		want target
	}{
		{"rtmp://host/live/demo", target{"host:1935", "live", "rtmp://host:1935/live", "demo", ""}},
		{"rtmp://host:19/app/instance/key", target{"host:19", "app/instance", "rtmp://host:19/app/instance", "key", ""}},
		{"rtmp://[::1]/live/demo/", target{"[::1]:1935", "live", "rtmp://[::1]:1935/live", "demo", ""}},
		{"rtmp://[::1]:19/live/a%2Fb?x=1&y=/", target{"[::1]:19", "live", "rtmp://[::1]:19/live", "a%2Fb", "?x=1&y=/"}},
	} {
		got, err := parseTarget(c.url)
		if err != nil || got != c.want {
			t.Errorf("%s: %+v, %v; want %+v", c.url, got, err, c.want)
		}
	}
}

func TestConfig_ValidateReportsAllProblems(t *testing.T) {
	for _, c := range []struct {
		url  string
		want string
	}{
		{"rtmps://host/live/demo", `publisher: scheme "rtmps" of the URL is not rtmp`},
		{"rtmp://host/demo", "publisher: the URL is not rtmp://HOST[:PORT]/APP/NAME"},
		{"rtmp:///live/demo", "publisher: the URL is not rtmp://HOST[:PORT]/APP/NAME"},
		{"rtmp://host/live/secret\x7f", "publisher: read URL: net/url: invalid control character in URL"},
	} {
		cfg := Config{URL: c.url, Spread: -1}
		err := cfg.Validate()
		want := c.want + "\npublisher: 0 streams, want at least 1\npublisher: a duration is negative"
		if err == nil || err.Error() != want {
			t.Errorf("%q: error is %v, want one that contains %q", c.url, err, want)
		}
		if err != nil && strings.Contains(err.Error(), "secret") {
			t.Errorf("error %v shows the stream key", err)
		}
	}
}
