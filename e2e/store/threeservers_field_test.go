//go:build e2e && field

package store

import (
	"fmt"
	"testing"
	"time"

	"golive/e2e/harness"
	"golive/internal/hlscheck"
)

// Each of the three servers of a registry is killed once, and started again: one of them led at
// that time, whichever it was.
func TestThreeServers_BroadcastsGoOnWhileEachIsKilled(t *testing.T) {
	servers := harness.StartNATSCluster(t)
	file := sources.Plain(t)
	var nodes []*harness.Server
	var encoders []*harness.Process
	var viewers []*harness.Follower
	for _, name := range []string{"a", "b"} {
		s := harness.Start(t, harness.Options{Config: fmt.Sprintf(
			"registry: { url: %q, required: true }\ncluster: { node: %s }\n", servers.URL, name)})
		nodes = append(nodes, s)
		encoders = append(encoders, harness.PublishLooped(t, file, s.PublishURL(name)))
		s.WaitForState(name, "live", 20*time.Second)
		viewers = append(viewers, harness.Follow(t, s.PlainURL(name), hlscheck.Options{}))
	}
	for i, server := range servers.Servers {
		servers.WaitUntilReplicated()
		server.Kill()
		harness.Pause(t.Context(), 8*time.Second) // longer than a lease lasts without renewal
		for n, s := range nodes {
			id := []string{"a", "b"}[n]
			if b, err := s.Broadcast(t.Context(), id); err != nil || b.State != "live" {
				t.Errorf("while server %d is down %s is %q, %v", i, id, b.State, err)
			}
		}
		if i == 0 {
			// An election takes seconds, and an encoder that is refused meanwhile has to connect again.
			nodes[0].WaitForIngest(20 * time.Second)
			late := harness.PublishLooped(t, file, nodes[0].PublishURL("new"))
			nodes[0].WaitForState("new", "live", 20*time.Second)
			late.Quit()
		}
		server.Run()
	}
	servers.WaitUntilReplicated()
	for i, e := range encoders {
		e.Quit()
		viewers[i].Wait(30 * time.Second)
		viewers[i].Check()
		if n := harness.Metric(t, nodes[i], "golive_registry_leases_lost_total"); n != 0 {
			t.Errorf("%v leases are lost", n)
		}
	}
	if n := nodes[1].Logs.Count("session started"); n != 1 {
		t.Errorf("the encoder connected %d times", n)
	}
}
