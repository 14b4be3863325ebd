package registry

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// BenchmarkClaim measures 10,000 broadcasts that one node claims, until another node has
// heard of them all: the time and the server's traffic (both nodes' and all) for each, and
// what each takes in a node's memory.
func BenchmarkClaim(b *testing.B) {
	const broadcasts = 10_000
	perLease := tableBytes(broadcasts)
	c := startCluster(b)
	owner, watcher := startNode(b, c, "owner"), startNode(b, c, "watcher")
	known := func() int {
		watcher.mu.Lock()
		defer watcher.mu.Unlock()
		return len(watcher.state.table.records)
	}
	var took time.Duration
	var bytes int64
	n := 0
	for b.Loop() {
		before, began := traffic(b, c.server), time.Now()
		leases := make([]*Lease, broadcasts)
		for i := range leases {
			leases[i] = owner.Claim(fmt.Sprintf("broadcast-%d-%d", n, i), false)
		}
		for _, l := range leases {
			if err := ready(b, l); err != nil {
				b.Fatal(err)
			}
		}
		eventually(b, "the watcher knows all", func() bool { return known() == broadcasts })
		took, bytes, n = took+time.Since(began), bytes+traffic(b, c.server)-before, n+broadcasts
		b.StopTimer()
		for _, l := range leases {
			l.Release()
		}
		eventually(b, "all are released", func() bool { return known() == 0 })
		b.StartTimer()
	}
	b.ReportMetric(float64(took.Nanoseconds())/float64(n), "ns/claim")
	b.ReportMetric(float64(bytes)/float64(n), "wire-B/claim")
	b.ReportMetric(perLease, "table-B/lease")
}

// traffic returns how many bytes a server has read and written.
func traffic(b *testing.B, s *server.Server) int64 {
	b.Helper()
	v, err := s.Varz(nil)
	if err != nil {
		b.Fatal(err)
	}
	return v.InBytes + v.OutBytes
}

// tableBytes returns how many bytes of memory a lease takes in a table of n.
func tableBytes(n int) float64 {
	before, t := heap(), newTable()
	owner := identity{"golive-1.example.com", newToken()}
	for i := range n {
		value := encode(record{identity: owner, URL: "http://golive-1.example.com:8080", Epoch: uint64(i)})
		t.update(keyOf(broadcastKeys, fmt.Sprintf("broadcast-%d", i)), value, uint64(i+1), false, time.Now())
	}
	size := heap() - before
	runtime.KeepAlive(t)
	return float64(size) / float64(n)
}

// heap returns how many bytes of memory are in use.
func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
