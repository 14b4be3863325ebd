package registry

import (
	"log/slog"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
)

func TestProtected_FollowsTheRecord(t *testing.T) {
	c := newCatalog(slog.New(slog.DiscardHandler), NewMetrics(prometheus.NewRegistry()))
	r := &Registry{catalog: c}
	want := func(id string, protected bool, generation int) {
		t.Helper()
		if p, g := r.Protected(id); p != protected || g != generation {
			t.Errorf("%s: %v, %d; want %v, %d", id, p, g, protected, generation)
		}
	}
	issued := NewID()
	want(issued, true, 0) // before the records were read
	want("studio", false, 0)

	table := newRecordTable()
	table.replaceBroadcast("preview", &Broadcast{ID: "preview", Details: Details{Preview: true}})
	table.replaceBroadcast("private", &Broadcast{ID: "private", Details: Details{Visibility: Private}, Generation: 2})
	table.replaceBroadcast("public", &Broadcast{ID: "public", Generation: 1})
	c.replace(table, nil)
	want(issued, false, 0)
	want("preview", true, 0)
	want("private", true, 2)
	want("public", false, 1)

	c.table.replaceBroadcast("preview", &Broadcast{ID: "preview"})
	want("preview", false, 0)
	c.table.replaceBroadcast("private", nil)
	want("private", false, 0)
}

func BenchmarkProtected(b *testing.B) {
	c := newCatalog(slog.New(slog.DiscardHandler), NewMetrics(prometheus.NewRegistry()))
	r := &Registry{catalog: c}
	c.replace(newRecordTable(), nil)
	id := NewID()
	b.ReportAllocs()
	for b.Loop() {
		r.Protected(id)
	}
}
