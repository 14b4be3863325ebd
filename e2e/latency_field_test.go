//go:build e2e && field

package e2e

import "testing"

// Without low latency, players begin three segments of 2 s before the end of the newest one, which is
// itself up to a segment old, and learn of it up to a second later, with the next reload.
func TestLatency_WithoutLowLatency(t *testing.T) {
	measureLatency(t, "playlist: { low_latency: false }", 3*2+2+1)
}
