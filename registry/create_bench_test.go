package registry

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"
)

// BenchmarkCreateBroadcast measures 50 clients that create broadcasts in the embedded registry,
// which syncs each to the disk: the time of one, and how many there are in a second.
func BenchmarkCreateBroadcast(b *testing.B) {
	const clients, warmUp = 50, 3 // the very first take longest
	for _, events := range []bool{false, true} {
		b.Run(fmt.Sprintf("events=%t", events), func(b *testing.B) {
			r := embedded(b, b.TempDir())
			r.cfg.Events = events
			run(b, r)
			waitForRecords(b, r)
			took := make([][]time.Duration, clients)
			next := make(chan int)
			var running sync.WaitGroup
			for i := range clients {
				running.Go(func() {
					for n := range next {
						began := time.Now()
						if _, err := r.CreateBroadcast(b.Context(), aBroadcast(n)); err != nil {
							b.Error(err)
						}
						took[i] = append(took[i], time.Since(began))
					}
				})
			}
			began, n := time.Now(), 0
			for b.Loop() {
				next <- n
				n++
			}
			close(next)
			running.Wait()
			for i := range took {
				took[i] = took[i][min(len(took[i]), warmUp):]
			}
			all := slices.Sorted(slices.Values(slices.Concat(took...)))
			b.ReportMetric(float64(n)/time.Since(began).Seconds(), "creates/s")
			b.ReportMetric(float64(all[len(all)*99/100].Microseconds())/1000, "p99-ms")
			b.ReportMetric(float64(all[len(all)/2].Microseconds())/1000, "p50-ms")
		})
	}
}

// aBroadcast is a record as the API makes it.
func aBroadcast(n int) Broadcast {
	return Broadcast{
		ID: fmt.Sprintf("b-%024d", n), Channel: fmt.Sprintf("channel-%d", n%100), Owner: fmt.Sprintf("user-%d", n%1000),
		Key: HashKey(fmt.Sprint(n)), Details: Details{Title: "A broadcast with a title of the usual length", Visibility: Public},
	}
}

// BenchmarkBroadcastArrival measures the time from the beginning of a write on one of three nodes
// until another one has the record.
func BenchmarkBroadcastArrival(b *testing.B) {
	c := startCluster(b)
	from, _, to := startNode(b, c, "a"), startNode(b, c, "b"), startNode(b, c, "c")
	waitForRecords(b, from.Registry)
	waitForRecords(b, to.Registry)
	var all []time.Duration
	for n := 0; b.Loop(); n++ {
		changed, stop := to.WatchBroadcast(aBroadcast(n).ID)
		began := time.Now()
		if _, err := from.CreateBroadcast(b.Context(), aBroadcast(n)); err != nil {
			b.Fatal(err)
		}
		<-changed
		all = append(all, time.Since(began))
		stop()
	}
	slices.Sort(all)
	b.ReportMetric(float64(all[len(all)*99/100].Microseconds())/1000, "p99-ms")
	b.ReportMetric(float64(all[len(all)-1].Microseconds())/1000, "max-ms")
}

// BenchmarkRecordTable measures what a record takes in a node's memory, and on its way into it.
func BenchmarkRecordTable(b *testing.B) {
	const broadcasts = 100_000
	values := make([][]byte, broadcasts)
	for i := range values {
		r := aBroadcast(i)
		r.State, r.Created = Ended, time.Unix(int64(i), 0).UTC()
		values[i] = encodeBroadcast(r)
	}
	var t recordTable
	before := heap()
	for b.Loop() {
		t = newRecordTable()
		for i, value := range values {
			if err := t.update(keyOf(broadcastKeys, fmt.Sprintf("b-%024d", i)), value, uint64(i+1), false); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportMetric(float64(heap()-before)/broadcasts, "B/record")
	b.ReportMetric(float64(len(values[0])), "B/value")
	if page, _ := t.list(Filter{}); len(page) != defaultLimit {
		b.Errorf("a page of %d", len(page))
	}
}
