package main

import (
	"testing"
	"time"
)

func TestDelays_AreAtMostASixteenthTooHigh(t *testing.T) {
	for _, us := range []int64{0, 1, 15, 16, 17, 31, 32, 33, 47, 48, 999, 1000, 250_000, 7_654_321} {
		var d delays
		d.add(time.Duration(us) * time.Microsecond)
		got := d.quantile(0.99) * 1000
		if low, high := float64(us), float64(us)*17/16+1; got < low || got > high {
			t.Errorf("%d µs count as %v, want from %v to %v", us, got, low, high)
		}
	}
}

func TestDelays_Quantile(t *testing.T) {
	var d delays
	for i := range 100 {
		d.add(time.Duration(i+1) * time.Second)
	}
	for q, want := range map[float64]float64{0.5: 50_000, 0.99: 99_000, 1: 100_000} {
		if got := d.quantile(q); got < want || got > want*17/16 {
			t.Errorf("quantile %v is %v ms, want %v", q, got, want)
		}
	}
}
