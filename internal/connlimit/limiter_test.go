package connlimit

import (
	"fmt"
	"net"
	"net/netip"
	"testing"
)

// from returns a peer's address.
func from(host string) net.Addr { return &net.TCPAddr{IP: net.ParseIP(host), Port: 1} }

// taker takes slots and remembers which of them were reclaimed, in order.
type taker struct {
	*Limiter
	t         *testing.T
	reclaimed []string
}

func (c *taker) take(host, name string, want Refusal) *Slot {
	c.t.Helper()
	p, refusal := c.Take(from(host), func() { c.reclaimed = append(c.reclaimed, name) })
	if refusal != want {
		c.t.Errorf("%s from %s: refusal %q, want %q", name, host, refusal, want)
	}
	return p
}

func (c *taker) wantReclaimed(names ...string) {
	c.t.Helper()
	if len(c.reclaimed) != len(names) {
		c.t.Errorf("%q were reclaimed, want %q", c.reclaimed, names)
		return
	}
	for i, n := range names {
		if c.reclaimed[i] != n {
			c.t.Errorf("%q were reclaimed, want %q", c.reclaimed, names)
		}
	}
	c.reclaimed = nil
}

func TestLimiter_OneAddressGetsHalfAndReplacesItsOwnSlots(t *testing.T) {
	c := &taker{Limiter: New(Config{Slots: 10, Rate: 1, Burst: 1}), t: t}
	for range 5 {
		c.take("10.0.0.1", "first", "")
	}
	c.wantReclaimed()
	for range 3 {
		c.take("::ffff:10.0.0.1", "late", "")
	}
	c.wantReclaimed("first", "first", "first")
	for _, host := range []string{"10.0.0.2", "10.0.0.3", "2001:db8::1", "2001:db8:0:1::1", "10.0.0.4"} {
		c.take(host, "other", "").SetRank(Established)
	}
	c.wantReclaimed()
	if n := c.Taken(); n != 10 {
		t.Errorf("%d are taken", n)
	}
}

func TestLimiter_EstablishedKeepTheirSlots(t *testing.T) {
	c := &taker{Limiter: New(Config{Slots: 4, Rate: 1, Burst: 1}), t: t}
	c.take("10.0.0.1", "a", "").SetRank(Established)
	c.take("10.0.0.1", "b", "").SetRank(Established)
	c.take("10.0.0.1", "c", RefusedAddress)
	c.take("10.0.0.2", "d", "").SetRank(Established)
	last := c.take("10.0.0.3", "e", "")
	last.SetRank(Established)
	c.take("10.0.0.4", "f", RefusedFull)
	if c.Reclaim() {
		t.Error("an established connection lost its slot")
	}
	last.Release()
	last.Release()
	c.take("10.0.0.4", "g", "")
	c.wantReclaimed()
}

func TestLimiter_FullReclaimsTheOldestOfTheLowestRank(t *testing.T) {
	c := &taker{Limiter: New(Config{Slots: 4, Rate: 1, Burst: 1}), t: t}
	c.take("10.0.0.1", "admitted", "").SetRank(Admitted)
	oldest := c.take("10.0.0.2", "opened first", "")
	c.take("10.0.0.3", "opened second", "")
	c.take("10.0.0.4", "live", "").SetRank(Established)
	c.take("10.0.0.5", "new", "").SetRank(Established)
	c.wantReclaimed("opened first")
	oldest.SetRank(Established) // too late
	oldest.Release()
	c.take("10.0.0.6", "new", "").SetRank(Established)
	c.wantReclaimed("opened second")
	c.take("10.0.0.7", "new", "").SetRank(Established)
	c.wantReclaimed("admitted")
	c.take("10.0.0.8", "new", RefusedFull)
}

func TestLimiter_ReclaimReclaimsOneEvenIfSlotsAreFree(t *testing.T) {
	c := &taker{Limiter: New(Config{Slots: 100, Rate: 1, Burst: 1}), t: t}
	c.take("10.0.0.1", "a", "")
	c.take("10.0.0.1", "b", "")
	for i, want := range []bool{true, true, false} {
		if got := c.Reclaim(); got != want {
			t.Errorf("reclaim %d: %v", i, got)
		}
	}
	c.wantReclaimed("a", "b")
	if len(c.holders) != 0 {
		t.Errorf("%d addresses are remembered", len(c.holders))
	}
}

// takeAll takes established slots for an address until it is refused.
func takeAll(t *testing.T, l *Limiter, address string) (taken []*Slot, why Refusal) {
	t.Helper()
	for {
		slot, why := l.Take(from(address), func() { t.Errorf("%s: an established slot was reclaimed", address) })
		if why != "" {
			return taken, why
		}
		slot.SetRank(Established)
		taken = append(taken, slot)
	}
}

func TestLimiter_NoAddressGetsMoreThanIsLeftForOthers(t *testing.T) {
	l := New(Config{Slots: 1000})
	left := 1000
	for i := range 9 {
		taken, why := takeAll(t, l, fmt.Sprintf("192.0.2.%d", i))
		left -= len(taken)
		if why != RefusedAddress || len(taken) == 0 || len(taken) > left+1 {
			t.Errorf("address %d: took %d and left %d: %q", i, len(taken), left, why)
		}
	}
	if _, why := l.Take(from("192.0.2.99"), func() {}); why != "" {
		t.Errorf("a new address: %q", why)
	}
}

func TestLimiter_RemovesAddressesWithoutSlots(t *testing.T) {
	l := New(Config{Slots: 10})
	var all []*Slot
	for i := range 10 {
		slot, why := l.Take(from(fmt.Sprintf("192.0.2.%d", i)), func() {})
		if why != "" {
			t.Fatal(i, why)
		}
		slot.SetRank(Established)
		all = append(all, slot)
	}
	if _, why := l.Take(from("192.0.2.99"), func() {}); why != RefusedFull {
		t.Errorf("one more: %q", why)
	}
	for _, slot := range all {
		slot.Release()
	}
	if l.Taken() != 0 || len(l.holders) != 0 {
		t.Errorf("%d are taken by %d addresses after all have left", l.Taken(), len(l.holders))
	}
	if _, why := l.Take(from("192.0.2.99"), func() {}); why != "" {
		t.Errorf("after all have left: %q", why)
	}
}

func TestLimiter_BoundsOneAddress(t *testing.T) {
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
		l := New(Config{Slots: 1000, PerAddress: 3})
		taken, why := takeAll(t, l, c.first)
		if len(taken) != 3 || why != RefusedAddress {
			t.Errorf("%s: took %d: %q", name, len(taken), why)
		}
		if _, why := l.Take(from(c.second), func() {}); (why != "") != c.same {
			t.Errorf("%s: the second: %q", name, why)
		}
	}
	c := &taker{Limiter: New(Config{Slots: 1000, PerAddress: 2}), t: t}
	c.take("192.0.2.1", "established", "").SetRank(Established)
	c.take("192.0.2.1", "silent", "")
	c.take("192.0.2.1", "new", "")
	c.wantReclaimed("silent")
}

func TestLimiter_AProxyIsManyClients(t *testing.T) {
	l := New(Config{Slots: 1000, PerAddress: 3, Burst: 1, Trusted: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}})
	reclaimed := 0
	var last *Slot
	for i := range 1000 {
		p, why := l.Take(from("10.1.2.3"), func() { reclaimed++ })
		if why != "" || !p.Trusted() || !p.Spend(1000) {
			t.Fatalf("slot %d: %q", i, why)
		}
		p.SetRank(Admitted) // it stays Established, and is not reclaimed
		last = p
	}
	if _, why := l.Take(from("10.1.2.3"), func() {}); why != RefusedFull || reclaimed > 0 {
		t.Errorf("one more: %q; %d gave up", why, reclaimed)
	}
	last.Release()
	if _, why := l.Take(from("192.0.2.1"), func() {}); why != "" {
		t.Errorf("when one has left: %q", why)
	}
}

func TestLimiter_BoundsTheRequestsOfAnAddress(t *testing.T) {
	l := New(Config{Slots: 100, Requests: 400})
	hog, _ := l.Take(from("192.0.2.1"), func() {})
	other, _ := l.Take(from("192.0.2.2"), func() {})
	admitted := 0
	for range 800 {
		if hog.Begin() {
			admitted++
		} else {
			hog.End()
		}
	}
	if admitted != 200 {
		t.Errorf("one address has %d requests under way", admitted)
	}
	if !other.Begin() {
		t.Error("another address has none")
	}
	other.End()
	for range admitted {
		hog.End()
	}
	if !hog.Begin() || l.requests.Load() != 1 || hog.holder.requests.Load() != 1 {
		t.Errorf("after all have ended: %d, %d", l.requests.Load(), hog.holder.requests.Load())
	}
}
