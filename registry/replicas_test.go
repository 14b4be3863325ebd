package registry

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// trio is three NATS servers that replicate what they store. They reach each other, and
// golive reaches them, through proxies.
type trio struct {
	dirs    [3]string
	servers [3]*server.Server // nil when stopped
	routes  [3][3]*proxy      // from one to another; nil to itself
	clients [3]*proxy
}

// startTrio starts the servers with those numbers.
func startTrio(t *testing.T, numbers ...int) *trio {
	t.Helper()
	r := &trio{}
	for i := range r.servers {
		r.dirs[i], r.clients[i] = t.TempDir(), newProxy(t, "")
		for j := range r.servers {
			if j != i {
				r.routes[i][j] = newProxy(t, "")
			}
		}
	}
	t.Cleanup(func() {
		for i, s := range r.servers {
			if s != nil {
				r.kill(i)
			}
		}
	})
	for _, i := range numbers {
		r.start(t, i)
	}
	return r
}

func (r *trio) start(t *testing.T, i int) {
	t.Helper()
	o := &server.Options{
		ServerName: fmt.Sprintf("nats-%d", i), Port: -1, StoreDir: r.dirs[i],
		Cluster: server.ClusterOpts{Name: "registry", Host: "127.0.0.1", Port: -1, NoAdvertise: true},
	}
	for j, p := range r.routes[i] {
		if j != i {
			o.Routes = append(o.Routes, &url.URL{Scheme: "nats", Host: p.address()})
		}
	}
	s := startServer(t, o)
	r.servers[i] = s
	r.clients[i].setTo(s.Addr().String())
	for j := range r.servers {
		if j != i {
			r.routes[j][i].setTo(s.ClusterAddr().String())
		}
	}
	r.setCut(i, false)
}

// setCut cuts all connections from and to a server, or lets it connect again.
func (r *trio) setCut(i int, cut bool) {
	r.clients[i].setCut(cut)
	for j := range r.servers {
		if j != i {
			r.routes[i][j].setCut(cut)
			r.routes[j][i].setCut(cut)
		}
	}
}

// kill ends a server without letting it tell the others.
func (r *trio) kill(i int) {
	r.setCut(i, true)
	r.stop(i)
}

// stop ends a server gracefully: it hands over its leadership.
func (r *trio) stop(i int) {
	r.servers[i].Shutdown()
	r.servers[i].WaitForShutdown()
	r.servers[i] = nil
}

// url is that of all servers, as an operator sets it.
func (r *trio) url() string {
	var all []string
	for _, p := range r.clients {
		all = append(all, "nats://"+p.address())
	}
	return strings.Join(all, ",")
}

// waitForReplicas waits until all buckets have want replicas, all of them up to date. It returns
// the number of the server that leads the leases.
func (r *trio) waitForReplicas(t *testing.T, want int) (leader int) {
	t.Helper()
	eventually(t, fmt.Sprintf("there are %d replicas", want), func() bool {
		conn, err := nats.Connect(r.url(), nats.NoReconnect())
		if err != nil {
			return false
		}
		defer conn.Close()
		js, err := jetstream.New(conn)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), callTimeout)
		defer cancel()
		for _, name := range []string{clusterBucket, recordBucket, leaseBucket} {
			stream, err := js.Stream(ctx, "KV_"+name)
			if err != nil {
				return false
			}
			c := stream.CachedInfo().Cluster
			if c == nil || len(c.Replicas) != want-1 {
				return false
			}
			for _, peer := range c.Replicas {
				if !peer.Current || peer.Offline {
					return false
				}
			}
			if n, err := fmt.Sscanf(c.Leader, "nats-%d", &leader); n != 1 || err != nil {
				return false
			}
		}
		return true
	})
	return leader
}

// The servers of a registry end one after the other, gracefully or not; none of its nodes
// loses a lease, and of two nodes that claim a broadcast meanwhile one gets it.
func TestRegistry_LeasesSurviveEachOfThreeServers(t *testing.T) {
	t.Parallel()
	servers := startTrio(t, 0, 1, 2)
	cfg := Config{URL: servers.url(), Required: true}
	a, b := newRegistry(cfg, "a"), newRegistry(cfg, "b")
	run(t, a)
	run(t, b)
	studio, show := a.Claim("studio", false), b.Claim("show", false)
	if err := errors.Join(ready(t, studio), ready(t, show)); err != nil {
		t.Fatal(err)
	}
	epochs := [2]uint64{studio.epochNow(), show.epochNow()}
	for _, end := range []struct {
		name   string
		leader bool
		how    func(int)
	}{
		{"another is stopped", false, servers.stop},
		{"the leader is stopped", true, servers.stop},
		{"the leader is killed", true, servers.kill},
	} {
		gone := servers.waitForReplicas(t, 3)
		if !end.leader {
			gone = (gone + 1) % 3
		}
		t.Logf("%s: server %d", end.name, gone)
		end.how(gone)
		one, other := a.Claim("new", false), b.Claim("new", false)
		errs := [2]error{ready(t, one), ready(t, other)}
		if (errs[0] == nil) == (errs[1] == nil) || !errors.Is(errors.Join(errs[:]...), ErrHeld) {
			t.Errorf("%s: two nodes claim a broadcast: %v", end.name, errs)
		}
		eventually(t, "the leases are held", func() bool {
			if one.Held() && other.Held() {
				t.Fatal("both nodes hold a broadcast")
			}
			return studio.Held() && show.Held() && (one.Held() || other.Held())
		})
		one.Release()
		other.Release()
		eventually(t, "the broadcast is free again", func() bool { return a.Admit("new") == nil && b.Admit("new") == nil })
		// An election may take longer than a session lasts: then each node considers the other gone.
		eventually(t, "the nodes refuse each other's publishers", func() bool {
			return errors.Is(a.Admit("show"), ErrHeld) && errors.Is(b.Admit("studio"), ErrHeld)
		})
		servers.start(t, gone)
	}
	if got := [2]uint64{studio.epochNow(), show.epochNow()}; isLost(studio) || isLost(show) || got != epochs {
		t.Errorf("lost: %t, %t; epochs %d were %d", isLost(studio), isLost(show), got, epochs)
	}
}

// A registry that was set up while a server was missing is replicated when it is there.
func TestRegistry_ReplicatesWhatWasMadeOnFewerServers(t *testing.T) {
	t.Parallel()
	servers := startTrio(t, 0, 1)
	cfg := Config{URL: servers.url()}
	a := newRegistry(cfg, "a")
	run(t, a)
	if err := ready(t, a.Claim("studio", false)); err != nil {
		t.Fatal(err)
	}
	servers.start(t, 2)
	servers.waitForReplicas(t, 3)
}
