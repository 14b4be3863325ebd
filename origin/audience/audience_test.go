package audience

import (
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
)

const target = 2 * time.Second

func open() *Audience { return New(nil, prometheus.NewRegistry()) }

// poll returns a request for a playlist.
func poll(address, agent, query string, header ...string) *http.Request {
	r := httptest.NewRequest(http.MethodGet, "/live/b/source/index.m3u8?"+query, nil)
	r.RemoteAddr = address
	r.Header.Set("User-Agent", agent)
	for i := 0; i < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	return r
}

func TestAudience_DistinguishesViewers(t *testing.T) {
	const sid = `CMCD=bl%3D2000%2Csid%3D%22one%22`
	for name, c := range map[string]struct {
		requests []*http.Request
		want     int
	}{
		"a second request":            {[]*http.Request{poll("192.0.2.1:1", "a", ""), poll("192.0.2.1:2", "a", "_HLS_msn=1")}, 1},
		"another address":             {[]*http.Request{poll("192.0.2.1:1", "a", ""), poll("192.0.2.2:1", "a", "")}, 2},
		"another agent":               {[]*http.Request{poll("192.0.2.1:1", "a", ""), poll("192.0.2.1:1", "b", "")}, 2},
		"IPv6":                        {[]*http.Request{poll("[2001:db8::1]:1", "a", ""), poll("[2001:db8::1]:2", "a", ""), poll("[2001:db8::2]:1", "a", "")}, 2},
		"a session that moves":        {[]*http.Request{poll("192.0.2.1:1", "a", sid), poll("198.51.100.1:1", "b", sid)}, 1},
		"two sessions of one address": {[]*http.Request{poll("192.0.2.1:1", "a", sid), poll("192.0.2.1:1", "a", `CMCD=sid%3D%22two%22`)}, 2},
		"a session in the header": {[]*http.Request{
			poll("192.0.2.1:1", "a", "", "CMCD-Session", `v=1,sid="one"`), poll("192.0.2.2:1", "b", sid),
		}, 1},
		"invalid session fields":      {[]*http.Request{poll("192.0.2.1:1", "a", "CMCD=%zz"), poll("192.0.2.1:1", "a", "CMCD="), poll("192.0.2.1:1", "a", "CMCD=sid")}, 1},
		"a proxy that is not trusted": {[]*http.Request{poll("192.0.2.1:1", "a", "", "X-Forwarded-For", "1.1.1.1"), poll("192.0.2.1:1", "a", "", "X-Forwarded-For", "2.2.2.2")}, 1},
	} {
		a := open()
		for _, r := range c.requests {
			a.CountViewer(r, "b", target)
		}
		if got := a.Viewers("b"); got != c.want || a.All() != c.want {
			t.Errorf("%s: %d viewers, %d in all, want %d", name, got, a.All(), c.want)
		}
	}
}

func TestAudience_UsesForwardedAddressesOfTrustedProxies(t *testing.T) {
	a := New([]netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("::1/128")}, prometheus.NewRegistry())
	for i, c := range []struct {
		peer, want string
		forwarded  []string
	}{
		{"10.0.0.1:1", "192.0.2.1", []string{"192.0.2.1"}},
		{"[::1]:1", "192.0.2.1", []string{"192.0.2.1"}},
		{"[::ffff:10.0.0.1]:1", "192.0.2.1", []string{"192.0.2.1"}},
		{"10.0.0.1:1", "192.0.2.1", []string{"6.6.6.6, 192.0.2.1, 10.0.0.2"}},
		{"10.0.0.1:1", "192.0.2.1", []string{"6.6.6.6", "192.0.2.1", "10.0.0.2"}},
		{"10.0.0.1:1", "10.0.0.2", []string{"10.0.0.2"}},
		{"10.0.0.1:1", "10.0.0.1", nil},
		{"10.0.0.1:1", "10.0.0.1", []string{" , "}},
		{"192.0.2.9:1", "192.0.2.9", []string{"1.1.1.1"}},
	} {
		r := poll(c.peer, "a", "")
		r.Header["X-Forwarded-For"] = c.forwarded
		if got := a.address(r); got != c.want {
			t.Errorf("case %d: client of %s, forwarded for %v, is %s, want %s", i, c.peer, c.forwarded, got, c.want)
		}
	}
}

func TestAudience_ForgetsViewersThatLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, target := range []time.Duration{time.Second, 2 * time.Second, 10 * time.Second} {
			a := open()
			most := max(10*time.Second, 3*target)
			for i := range 40 { // one stays, another comes for a moment
				a.CountViewer(poll("192.0.2.1:1", "stays", ""), "b", target)
				if i == 5 {
					a.CountViewer(poll("192.0.2.2:1", "leaves", ""), "b", target)
					if n := a.Viewers("b"); n != 2 {
						t.Errorf("target %s: %d viewers between polls, want 1", target, n)
					}
				}
				time.Sleep(target)
				if n, gone := a.Viewers("b"), time.Duration(i-4)*target > most; gone && n != 1 || n < 1 {
					t.Errorf("target %s: %d viewers after %d polls", target, n, i+1)
				}
			}
			time.Sleep(most)
			if n := a.Viewers("b"); n != 0 {
				t.Errorf("target %s: %d viewers after the last has left, want none", target, n)
			}
			a.CountViewer(poll("192.0.2.3:1", "comes", ""), "b", target)
			if n := a.Viewers("b"); n != 1 {
				t.Errorf("target %s: %d viewers after a break", target, n)
			}
		}
	})
}

func TestAudience_RemovesEmptyCounters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := open()
		for i := range 1000 {
			a.CountViewer(poll("192.0.2.1:1", "a", ""), fmt.Sprint("broadcast-", i), target)
			time.Sleep(time.Second)
		}
		if n := len(*a.counters.Load()); n > 12 {
			t.Errorf("%d counters are kept", n)
		}
	})
}

// An audience of any size fits into the same memory. Its number is exact for a small audience, and
// off by a few per cent for a large one.
func TestCounter_CountsAnyNumberInBoundedMemory(t *testing.T) {
	for _, n := range []int{1, 100, 2000, 20_000, 1_000_000} {
		r, now := newCounter(), time.Now()
		state := uint64(n)
		random := func() uint64 { // splitmix64
			state += 0x9e3779b97f4a7c15
			z := state
			z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
			z = (z ^ z>>27) * 0x94d049bb133111eb
			return z ^ z>>31
		}
		all := make([]uint64, n)
		for i := range all {
			all[i] = random()
		}
		check := func(when string, want int) {
			tolerance := 0.0
			if want > shards*maxInShard/2 {
				tolerance = 0.08 // four times what is usual
			}
			got := r.count(now)
			if math.Abs(float64(got-want)) > tolerance*float64(want) {
				t.Errorf("%d viewers %s: counted %d", want, when, got)
			}
			held := 0
			for _, s := range []*set{r.now.Load().current, r.now.Load().last} {
				for i := range s.shards {
					held += len(s.shards[i].viewers)
				}
			}
			if held > 2*shards*maxInShard {
				t.Errorf("the counter holds %d entries", held)
			}
		}
		for generation := range 3 {
			for _, v := range all {
				r.add(v, now, time.Second)
			}
			check(fmt.Sprintf("in generation %d", generation), n)
			now = now.Add(1001 * time.Millisecond)
		}
		for range 30 { // most leave
			for _, v := range all[:min(n, 50)] {
				r.add(v, now, time.Second)
			}
			now = now.Add(1001 * time.Millisecond)
		}
		for _, v := range all[:min(n, 50)] {
			r.add(v, now, time.Second)
		}
		check("after most have left", min(n, 50))
	}
}

func TestAudience_CountsConcurrentRequests(t *testing.T) {
	a := open()
	var all sync.WaitGroup
	for i := range 16 {
		all.Go(func() {
			for j := range 200 {
				a.CountViewer(poll(fmt.Sprintf("192.0.2.%d:1", j%100), "a", ""), fmt.Sprint("b", i%2), target)
				a.All()
			}
		})
	}
	all.Wait()
	if n := a.All(); n != 200 {
		t.Errorf("counted %d viewers", n)
	}
}

func TestAudience_CountsStalls(t *testing.T) {
	a := open()
	for _, r := range []*http.Request{
		poll("192.0.2.1:1", "a", "CMCD=bs"),
		poll("192.0.2.1:1", "a", "_HLS_msn=1&CMCD=bl%3D0%2Cbs%2Csid%3D%22x%22&x=y"),
		poll("192.0.2.1:1", "a", "", "CMCD-Status", "bs,rtp=1000"),
	} {
		a.CountStall(r)
	}
	for _, r := range []*http.Request{ // none
		poll("192.0.2.1:1", "a", ""),
		poll("192.0.2.1:1", "a", "bs"),
		poll("192.0.2.1:1", "a", "XCMCD=bs"),
		poll("192.0.2.1:1", "a", "CMCD=bs%3Dfalse"),
		poll("192.0.2.1:1", "a", "CMCD=bsx%2Cabs"),
		poll("192.0.2.1:1", "a", `CMCD=sid%3D%22a%2Cbs%2C%5C%22b%22`), // in quotes
		poll("192.0.2.1:1", "a", "CMCD=%zz"),
		poll("192.0.2.1:1", "a", "", "CMCD-Status", "rtp=1000"),
	} {
		a.CountStall(r)
	}
	if n := testutil.ToFloat64(a.stalls); n != 3 {
		t.Errorf("counted %v stalls", n)
	}
}

// BenchmarkCountViewer counts many viewers of one broadcast, on all processors.
func BenchmarkCountViewer(b *testing.B) {
	for _, viewers := range []int{1, 1000, 100_000} {
		b.Run(fmt.Sprint(viewers), func(b *testing.B) {
			a := open()
			requests := make([]*http.Request, viewers)
			for i := range requests {
				requests[i] = poll(fmt.Sprintf("10.%d.%d.%d:1", i>>16, i>>8&255, i&255), "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/150.0.0.0 Safari/537.36", "_HLS_msn=100&_HLS_part=3")
			}
			var start atomic.Int64
			b.ReportAllocs()
			b.ResetTimer()
			b.RunParallel(func(pb *testing.PB) {
				for i := int(start.Add(7919)); pb.Next(); i++ {
					r := requests[i%viewers]
					a.CountStall(r)
					a.CountViewer(r, "b", target)
				}
			})
		})
	}
}
