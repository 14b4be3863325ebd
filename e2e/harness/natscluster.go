package harness

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// NATSCluster is several NATS servers, which replicate what they store.
type NATSCluster struct {
	// URL is the value of registry.url.
	URL     string
	Servers []*NATS

	tb testing.TB
}

// StartNATSCluster runs three servers, and waits until they store something together.
func StartNATSCluster(tb testing.TB) *NATSCluster {
	tb.Helper()
	const size = 3
	c := &NATSCluster{tb: tb}
	program := buildNATS(tb)
	var urls, routes []string
	for range size {
		n := newNATS(tb, program)
		c.Servers, urls = append(c.Servers, n), append(urls, n.URL)
		routes = append(routes, "nats://"+FreeAddress(tb))
	}
	c.URL = strings.Join(urls, ",")
	for i, n := range c.Servers {
		n.args = []string{"-n", fmt.Sprintf("nats-%d", i), "-cluster_name", "registry", "-cluster", routes[i], "-routes", strings.Join(routes, ",")}
		n.Run()
	}
	c.wait("have a leader", func(ctx context.Context, js jetstream.JetStream) error {
		_, err := js.AccountInfo(ctx)
		return err
	})
	return c
}

// WaitUntilReplicated waits until all servers have a current copy of every stream, and there is at
// least one.
func (c *NATSCluster) WaitUntilReplicated() {
	c.tb.Helper()
	c.wait("have copies of all streams", func(ctx context.Context, js jetstream.JetStream) error {
		streams, all := js.ListStreams(ctx), 0
		for s := range streams.Info() {
			if s.Cluster == nil || len(s.Cluster.Replicas) != len(c.Servers)-1 {
				return fmt.Errorf("%s is not on all servers", s.Config.Name)
			}
			for _, peer := range s.Cluster.Replicas {
				if !peer.Current || peer.Offline {
					return fmt.Errorf("%s of %s is not current", s.Config.Name, peer.Name)
				}
			}
			all++
		}
		if err := streams.Err(); err != nil {
			return err
		}
		if all == 0 {
			return errors.New("there are no streams")
		}
		return nil
	})
}

func (c *NATSCluster) wait(what string, try func(context.Context, jetstream.JetStream) error) {
	c.tb.Helper()
	ctx, cancel := context.WithTimeout(c.tb.Context(), Timeout(30*time.Second))
	defer cancel()
	err := Eventually(ctx, 50*time.Millisecond, func() error {
		conn, err := nats.Connect(c.URL, nats.NoReconnect())
		if err != nil {
			return err
		}
		defer conn.Close()
		js, err := jetstream.New(conn)
		if err != nil {
			return err
		}
		call, done := context.WithTimeout(ctx, 2*time.Second)
		defer done()
		return try(call, js)
	})
	if err != nil {
		c.tb.Fatalf("wait until the NATS servers %s: %v", what, err)
	}
}
