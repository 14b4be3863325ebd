package connlimit

import (
	"fmt"
	"net"
	"net/netip"
	"testing"
)

// from returns a peer's address.
func from(host string) net.Addr { return &net.TCPAddr{IP: net.ParseIP(host), Port: 1} }

// recorder takes slots and records which of them were reclaimed, in order.
type recorder struct {
	*Limiter
	t         *testing.T
	reclaimed []string
}

func (c *recorder) take(host, name string, want Refusal) *Slot {
	c.t.Helper()
	p, refusal := c.Take(from(host), func() { c.reclaimed = append(c.reclaimed, name) })
	if refusal != want {
		c.t.Errorf("%s from %s: refusal %q, want %q", name, host, refusal, want)
	}
	return p
}

func (c *recorder) checkReclaimed(names ...string) {
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
	c := &recorder{Limiter: New(Config{Slots: 10, Rate: 1, Burst: 1}), t: t}
	for range 5 {
		c.take("10.0.0.1", "first", "")
	}
	c.checkReclaimed()
	for range 3 {
		c.take("::ffff:10.0.0.1", "late", "")
	}
	c.checkReclaimed("first", "first", "first")
	for _, host := range []string{"10.0.0.2", "10.0.0.3", "2001:db8::1", "2001:db8:0:1::1", "10.0.0.4"} {
		c.take(host, "other", "").SetRank(Established)
	}
	c.checkReclaimed()
	if n := c.Taken(); n != 10 {
		t.Errorf("%d slots are taken, want 0", n)
	}
}

func TestLimiter_EstablishedConnectionsKeepTheirSlots(t *testing.T) {
	c := &recorder{Limiter: New(Config{Slots: 4, Rate: 1, Burst: 1}), t: t}
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
	c.checkReclaimed()
}

func TestLimiter_FullReclaimsTheOldestOfTheLowestRank(t *testing.T) {
	c := &recorder{Limiter: New(Config{Slots: 4, Rate: 1, Burst: 1}), t: t}
	c.take("10.0.0.1", "admitted", "").SetRank(Admitted)
	oldest := c.take("10.0.0.2", "opened first", "")
	c.take("10.0.0.3", "opened second", "")
	c.take("10.0.0.4", "live", "").SetRank(Established)
	c.take("10.0.0.5", "new", "").SetRank(Established)
	c.checkReclaimed("opened first")
	oldest.SetRank(Established) // too late
	oldest.Release()
	c.take("10.0.0.6", "new", "").SetRank(Established)
	c.checkReclaimed("opened second")
	c.take("10.0.0.7", "new", "").SetRank(Established)
	c.checkReclaimed("admitted")
	c.take("10.0.0.8", "new", RefusedFull)
}

func TestLimiter_ReclaimReclaimsOneEvenIfSlotsAreFree(t *testing.T) {
	c := &recorder{Limiter: New(Config{Slots: 100, Rate: 1, Burst: 1}), t: t}
	c.take("10.0.0.1", "a", "")
	c.take("10.0.0.1", "b", "")
	for i, want := range []bool{true, true, false} {
		if got := c.Reclaim(); got != want {
			t.Errorf("reclaim %d: got %v", i, got)
		}
	}
	c.checkReclaimed("a", "b")
	if len(c.holders) != 0 {
		t.Errorf("%d addresses are kept, want none", len(c.holders))
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
			t.Errorf("address %d: took %d slots and left %d, refusal %q; want at most as many taken as left, and %q", i, len(taken), left, why, RefusedAddress)
		}
	}
	if _, why := l.Take(from("192.0.2.99"), func() {}); why != "" {
		t.Errorf("a new address is refused: %q", why)
	}
}

func TestLimiter_RemovesAddressesWithoutSlots(t *testing.T) {
	l := New(Config{Slots: 10})
	var all []*Slot
	for i := range 10 {
		slot, why := l.Take(from(fmt.Sprintf("192.0.2.%d", i)), func() {})
		if why != "" {
			t.Fatalf("slot %d is refused: %q", i, why)
		}
		slot.SetRank(Established)
		all = append(all, slot)
	}
	if _, why := l.Take(from("192.0.2.99"), func() {}); why != RefusedFull {
		t.Errorf("one more than all slots: refusal %q, want %q", why, RefusedFull)
	}
	for _, slot := range all {
		slot.Release()
	}
	if l.Taken() != 0 || len(l.holders) != 0 {
		t.Errorf("%d slots are taken by %d addresses after all were released, want none", l.Taken(), len(l.holders))
	}
	if _, why := l.Take(from("192.0.2.99"), func() {}); why != "" {
		t.Errorf("after all were released: refusal %q, want none", why)
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
			t.Errorf("%s: took %d slots, then refusal %q; want 3, then %q", name, len(taken), why, RefusedAddress)
		}
		if _, why := l.Take(from(c.second), func() {}); (why != "") != c.same {
			t.Errorf("%s: the second address: refusal %q, want one: %t", name, why, c.same)
		}
	}
	c := &recorder{Limiter: New(Config{Slots: 1000, PerAddress: 2}), t: t}
	c.take("192.0.2.1", "established", "").SetRank(Established)
	c.take("192.0.2.1", "silent", "")
	c.take("192.0.2.1", "new", "")
	c.checkReclaimed("silent")
}

func TestLimiter_DoesNotBoundATrustedProxy(t *testing.T) {
	l := New(Config{Slots: 1000, PerAddress: 3, Burst: 1, Trusted: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}})
	reclaimed := 0
	var last *Slot
	for i := range 1000 {
		p, why := l.Take(from("10.1.2.3"), func() { reclaimed++ })
		if why != "" || !p.Trusted() || !p.Spend(1000) {
			t.Fatalf("slot %d: refusal %q, want a trusted slot without bounds", i, why)
		}
		p.SetRank(Admitted) // it stays Established, and is not reclaimed
		last = p
	}
	if _, why := l.Take(from("10.1.2.3"), func() {}); why != RefusedFull || reclaimed > 0 {
		t.Errorf("one more than all slots: refusal %q, %d reclaimed; want %q and none", why, reclaimed, RefusedFull)
	}
	last.Release()
	if _, why := l.Take(from("192.0.2.1"), func() {}); why != "" {
		t.Errorf("after one was released: refusal %q, want none", why)
	}
}

func TestLimiter_BoundsTheRequestsOfAnAddress(t *testing.T) {
	l := New(Config{Slots: 100, Requests: 400})
	busy, _ := l.Take(from("192.0.2.1"), func() {})
	other, _ := l.Take(from("192.0.2.2"), func() {})
	admitted := 0
	for range 800 {
		if busy.Begin() {
			admitted++
		} else {
			busy.End()
		}
	}
	if admitted != 200 {
		t.Errorf("one address has %d requests under way, want 200", admitted)
	}
	if !other.Begin() {
		t.Error("another address may not begin a request")
	}
	other.End()
	for range admitted {
		busy.End()
	}
	if !busy.Begin() || l.requests.Load() != 1 || busy.holder.requests.Load() != 1 {
		t.Errorf("after all have ended and one has begun: %d requests, %d of the address; want 1 and 1", l.requests.Load(), busy.holder.requests.Load())
	}
}
