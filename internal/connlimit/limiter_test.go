package connlimit

import (
	"net"
	"testing"
)

// from is a peer's address.
func from(host string) net.Addr { return &net.TCPAddr{IP: net.ParseIP(host), Port: 1} }

// crowd takes places and remembers who had to give theirs up, in order.
type crowd struct {
	*Limiter
	t       *testing.T
	yielded []string
}

func (c *crowd) take(host, name string, want Refusal) *Place {
	c.t.Helper()
	p, refusal := c.Take(from(host), func() { c.yielded = append(c.yielded, name) })
	if refusal != want {
		c.t.Errorf("%s from %s: refusal %q, want %q", name, host, refusal, want)
	}
	return p
}

func (c *crowd) gave(names ...string) {
	c.t.Helper()
	if len(c.yielded) != len(names) {
		c.t.Errorf("%q gave up, want %q", c.yielded, names)
		return
	}
	for i, n := range names {
		if c.yielded[i] != n {
			c.t.Errorf("%q gave up, want %q", c.yielded, names)
		}
	}
	c.yielded = nil
}

func TestLimiter_OneAddressGetsHalfAndRenewsItsOwnPlaces(t *testing.T) {
	c := &crowd{Limiter: New(10, 1, 1), t: t}
	for range 5 {
		c.take("10.0.0.1", "first", "")
	}
	c.gave()
	for range 3 {
		c.take("::ffff:10.0.0.1", "late", "")
	}
	c.gave("first", "first", "first")
	for _, host := range []string{"10.0.0.2", "10.0.0.3", "2001:db8::1", "2001:db8:0:1::1", "10.0.0.4"} {
		c.take(host, "other", "").Set(Established)
	}
	c.gave()
	if n := c.Taken(); n != 10 {
		t.Errorf("%d are taken", n)
	}
}

func TestLimiter_EstablishedKeepTheirPlaces(t *testing.T) {
	c := &crowd{Limiter: New(4, 1, 1), t: t}
	c.take("10.0.0.1", "a", "").Set(Established)
	c.take("10.0.0.1", "b", "").Set(Established)
	c.take("10.0.0.1", "c", RefusedAddress)
	c.take("10.0.0.2", "d", "").Set(Established)
	last := c.take("10.0.0.3", "e", "")
	last.Set(Established)
	c.take("10.0.0.4", "f", RefusedFull)
	if c.Reclaim() {
		t.Error("an established connection gave its place up")
	}
	last.Leave()
	last.Leave()
	c.take("10.0.0.4", "g", "")
	c.gave()
}

func TestLimiter_FullGivesTheOldestOfTheLowestRankUp(t *testing.T) {
	c := &crowd{Limiter: New(4, 1, 1), t: t}
	c.take("10.0.0.1", "admitted", "").Set(Admitted)
	oldest := c.take("10.0.0.2", "opened first", "")
	c.take("10.0.0.3", "opened second", "")
	c.take("10.0.0.4", "live", "").Set(Established)
	c.take("10.0.0.5", "new", "").Set(Established)
	c.gave("opened first")
	oldest.Set(Established) // too late
	oldest.Leave()
	c.take("10.0.0.6", "new", "").Set(Established)
	c.gave("opened second")
	c.take("10.0.0.7", "new", "").Set(Established)
	c.gave("admitted")
	c.take("10.0.0.8", "new", RefusedFull)
}

func TestLimiter_ReclaimTakesOneAwayWhateverIsFree(t *testing.T) {
	c := &crowd{Limiter: New(100, 1, 1), t: t}
	c.take("10.0.0.1", "a", "")
	c.take("10.0.0.1", "b", "")
	for i, want := range []bool{true, true, false} {
		if got := c.Reclaim(); got != want {
			t.Errorf("reclaim %d: %v", i, got)
		}
	}
	c.gave("a", "b")
	if len(c.by) != 0 {
		t.Errorf("%d addresses are remembered", len(c.by))
	}
}
