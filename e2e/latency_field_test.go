//go:build e2e && field

package e2e

import "testing"

// Three segments of 2 s behind the end of the newest one, which is itself up to a segment old, and a reload.
func TestLatency_WithoutLowLatency(t *testing.T) {
	measureLatency(t, "playlist: { low_latency: false }", 3*2+2+1)
}
