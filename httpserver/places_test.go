package httpserver

import (
	"fmt"
	"net"
	"net/netip"
	"testing"
)

func peer(t *testing.T, address string) net.Addr {
	t.Helper()
	return &net.TCPAddr{IP: net.IP(netip.MustParseAddr(address).AsSlice()), Port: 1}
}

// takeAll takes places for an address until it is refused.
func takeAll(t *testing.T, p *places, address string) (taken []*place, why refusal) {
	t.Helper()
	for {
		place, why := p.take(peer(t, address))
		if why != "" {
			return taken, why
		}
		taken = append(taken, place)
	}
}

func TestPlaces_NoAddressTakesWhatOthersNeed(t *testing.T) {
	p := newPlaces(1000, 0, nil)
	left := 1000
	for i := range 9 {
		taken, why := takeAll(t, p, fmt.Sprintf("192.0.2.%d", i))
		left -= len(taken)
		if why != refusedAddress || len(taken) == 0 || len(taken) > left+1 {
			t.Errorf("address %d: took %d and left %d: %q", i, len(taken), left, why)
		}
	}
	if _, why := p.take(peer(t, "192.0.2.99")); why != "" {
		t.Errorf("a new address: %q", why)
	}
}

func TestPlaces_AreBoundedAndGivenBack(t *testing.T) {
	p := newPlaces(10, 0, nil)
	var all []*place
	for i := range 10 {
		place, why := p.take(peer(t, fmt.Sprintf("192.0.2.%d", i)))
		if why != "" {
			t.Fatal(i, why)
		}
		all = append(all, place)
	}
	if _, why := p.take(peer(t, "192.0.2.99")); why != refusedConnections {
		t.Errorf("one more: %q", why)
	}
	for _, place := range all {
		place.leave()
	}
	if p.taken != 0 || len(p.by) != 0 {
		t.Errorf("%d are taken by %d addresses after all have left", p.taken, len(p.by))
	}
	if _, why := p.take(peer(t, "192.0.2.99")); why != "" {
		t.Errorf("after all have left: %q", why)
	}
}

func TestPlaces_OfOneAddress(t *testing.T) {
	for name, c := range map[string]struct {
		first, second string
		same          bool
	}{
		"IPv4":                 {"192.0.2.1", "192.0.2.1", true},
		"another IPv4":         {"192.0.2.1", "192.0.2.2", false},
		"IPv4 in IPv6":         {"192.0.2.1", "::ffff:192.0.2.1", true},
		"IPv6, one subscriber": {"2001:db8:0:1::1", "2001:db8:0:1:ffff::2", true},
		"IPv6, another":        {"2001:db8:0:1::1", "2001:db8:0:2::1", false},
	} {
		p := newPlaces(1000, 3, nil)
		taken, why := takeAll(t, p, c.first)
		if len(taken) != 3 || why != refusedAddress {
			t.Errorf("%s: took %d: %q", name, len(taken), why)
		}
		if _, why := p.take(peer(t, c.second)); (why != "") != c.same {
			t.Errorf("%s: the second: %q", name, why)
		}
	}
}

func TestPlaces_AProxyIsManyViewers(t *testing.T) {
	p := newPlaces(1000, 3, []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")})
	taken, why := takeAll(t, p, "10.1.2.3")
	if len(taken) != 1000 || why != refusedConnections {
		t.Errorf("took %d: %q", len(taken), why)
	}
}

func TestPlaces_RequestsOfHTTP2(t *testing.T) {
	p := newPlaces(100, 0, nil)
	hog, why := p.take(peer(t, "192.0.2.1"))
	if why != "" {
		t.Fatal(why)
	}
	other, why := p.take(peer(t, "192.0.2.2"))
	if why != "" {
		t.Fatal(why)
	}
	admitted := 0
	for range 2 * streamsPerConnection * 100 {
		if hog.begin() {
			admitted++
		} else {
			hog.end()
		}
	}
	if admitted != streamsPerConnection*100/2 {
		t.Errorf("one address has %d requests under way", admitted)
	}
	if !other.begin() {
		t.Error("another address has none")
	}
	other.end()
	for range admitted {
		hog.end()
	}
	if !hog.begin() || p.streams.Load() != 1 || hog.holder.streams.Load() != 1 {
		t.Errorf("after all have ended: %d, %d", p.streams.Load(), hog.holder.streams.Load())
	}
}
