package connlimit

import (
	"net/netip"
	"testing"
)

func TestClient_UsesForwardedAddressesOfTrustedProxiesOnly(t *testing.T) {
	trusted := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("::1/128")}
	for _, c := range []struct {
		remote    string
		forwarded []string
		want      string
	}{
		{"192.0.2.1:1", []string{"198.51.100.1"}, "192.0.2.1"},
		{"10.0.0.1:1", []string{"198.51.100.1"}, "198.51.100.1"},
		{"10.0.0.1:1", []string{"203.0.113.9, 198.51.100.1"}, "198.51.100.1"},
		{"10.0.0.1:1", []string{"203.0.113.9, 198.51.100.1", "10.0.0.2"}, "198.51.100.1"},
		{"[::1]:1", []string{"2001:db8::1"}, "2001:db8::1"},
		{"10.0.0.1:1", nil, "10.0.0.1"},
		{"10.0.0.1:1", []string{"unknown"}, "10.0.0.1"},
		{"10.0.0.1:1", []string{"198.51.100.1, unknown, 10.0.0.2"}, "10.0.0.2"},
		{"[::ffff:192.0.2.1]:1", nil, "192.0.2.1"},
	} {
		if got := Client(c.remote, c.forwarded, trusted); got.String() != c.want {
			t.Errorf("client of %s, forwarded for %q, is %s, want %s", c.remote, c.forwarded, got, c.want)
		}
	}
	if got := Client("somewhere", nil, trusted); got.IsValid() {
		t.Errorf("client of a remote address that cannot be parsed is %s, want none", got)
	}
}
