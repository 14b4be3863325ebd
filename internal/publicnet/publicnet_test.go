package publicnet

import (
	"errors"
	"net/netip"
	"testing"
)

func TestContains_OnlyPublicAddresses(t *testing.T) {
	for text, want := range map[string]bool{
		"8.8.8.8": true, "2606:4700::1111": true, "2001:4860:4860::8888": true, "::ffff:8.8.8.8": true,
		"127.0.0.1": false, "::1": false, "10.1.2.3": false, "172.16.0.1": false, "192.168.1.1": false, "169.254.169.254": false,
		"fe80::1": false, "fd00::1": false, "fc00::1": false, "0.0.0.0": false, "0.1.2.3": false, "::": false, "100.64.0.1": false,
		"224.0.0.1": false, "ff02::1": false, "255.255.255.255": false, "240.0.0.1": false, "198.18.0.1": false,
		"::ffff:127.0.0.1": false, "::ffff:10.0.0.1": false, "::127.0.0.1": false, "64:ff9b::7f00:1": false, "64:ff9b:1::1": false,
		"2002:7f00:1::": false, "2001:0:7f00:1::": false, "fec0::1": false, "2001:db8::1": false,
	} {
		if got := Contains(netip.MustParseAddr(text)); got != want {
			t.Errorf("%s is public: %v, want %v", text, got, want)
		}
	}
}

func TestControl_RefusesAddressesThatAreNotPublic(t *testing.T) {
	for address, want := range map[string]error{"8.8.8.8:443": nil, "127.0.0.1:443": ErrNotPublic, "[fe80::1%eth0]:443": ErrNotPublic} {
		if err := Control("tcp", address, nil); !errors.Is(err, want) {
			t.Errorf("%s: error is %v, want %v", address, err, want)
		}
	}
	if Control("tcp", "somewhere", nil) == nil {
		t.Error("an address that cannot be parsed was allowed")
	}
}
