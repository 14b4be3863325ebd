package spool

import (
	"os"
	"testing"
)

// BenchmarkAdd spills and removes one segment of 2 s at 4.5 Mbit/s.
func BenchmarkAdd(b *testing.B) {
	for _, c := range []struct {
		name string
		sync func(*os.File) error
	}{
		{"synced", (*os.File).Sync},
		{"unsynced", func(*os.File) error { return nil }},
	} {
		b.Run(c.name, func(b *testing.B) {
			s := open(b, b.TempDir(), 1<<30)
			s.sync = c.sync
			seg := segment(1, 1_125_000)
			b.SetBytes(seg.Size)
			b.ReportAllocs()
			for b.Loop() {
				e, err := s.Add("studio", "source", seg, noon)
				if err != nil {
					b.Fatal(err)
				}
				if err := s.Remove(e); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkRead(b *testing.B) {
	s := open(b, b.TempDir(), 1<<30)
	seg := segment(1, 1_125_000)
	e, err := s.Add("studio", "source", seg, noon)
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(seg.Size)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Read(e); err != nil {
			b.Fatal(err)
		}
	}
}
