//go:build e2e

package product

import (
	"fmt"
	"testing"
	"time"

	"golive/e2e/harness"
)

// A broadcast that is created on one of three nodes is known to the others, and its encoder may publish
// to any of them.
func TestCluster_NodesKnowEachOthersBroadcasts(t *testing.T) {
	nats := harness.StartNATS(t)
	var nodes []*harness.Server
	for _, name := range []string{"a", "b", "c"} {
		nodes = append(nodes, start(t, fmt.Sprintf(
			"%sregistry: { url: %q, required: true }\ncluster: { node: %s }\n", openToUsers, nats.URL, name)))
	}
	b := user(t, nodes[0], "alice").create(map[string]any{"title": "Everywhere"})
	began := time.Now()
	for _, s := range nodes[1:] {
		user(t, s, "alice").waitFor(b.ID, "created")
	}
	t.Logf("the other nodes have it after %v", time.Since(began))
	encoder := harness.PublishLooped(t, sources.Plain(t), "rtmp://"+nodes[1].RTMP+"/live/"+b.StreamKey)
	for _, s := range nodes {
		user(t, s, "alice").waitFor(b.ID, "live")
	}
	began = time.Now()
	user(t, nodes[2], "alice").do("POST", "/v1/broadcasts/"+b.ID+"/end", nil, 200, nil)
	<-encoder.Done()
	t.Logf("its encoder was disconnected after %v", time.Since(began))
	for _, s := range nodes {
		user(t, s, "alice").waitFor(b.ID, "ended")
	}
}
