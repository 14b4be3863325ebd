package registry

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
)

// killedDir is the variable that makes the test binary a process that creates broadcasts, with the
// embedded registry in that directory, until it is killed.
const killedDir = "GOLIVE_TEST_REGISTRY_DIR"

func TestMain(m *testing.M) {
	if dir := os.Getenv(killedDir); dir != "" {
		createUntilKilled(dir)
	}
	m.Run()
}

// creates is how many broadcasts the process creates, if it is not killed.
const creates = 1000

// createUntilKilled writes the id of each broadcast to stdout when it is acknowledged.
func createUntilKilled(dir string) {
	cfg := Config{Events: true}
	r := New(cfg, Node{Name: "a"}, dir, slog.New(slog.NewTextHandler(os.Stderr, nil)), NewMetrics(prometheus.NewRegistry()))
	go func() { _ = r.Run(context.Background()) }()
	ids := make(chan int)
	var running sync.WaitGroup
	for range 50 {
		running.Go(func() {
			for n := range ids {
				for {
					if _, err := r.connected(); err != nil {
						continue
					}
					b, err := r.CreateBroadcast(context.Background(), aBroadcast(n))
					if err != nil {
						panic(err)
					}
					fmt.Fprintln(os.Stdout, b.ID)
					break
				}
			}
		})
	}
	for n := range creates {
		ids <- n
	}
	close(ids)
	running.Wait()
	fmt.Fprintln(os.Stdout, "all")
	select {} // until it is killed
}

// A process is killed in the middle of 1,000 creates: all that it acknowledged are there, and all
// events of those that are there are published once.
func TestCreateBroadcast_SurvivesAKill(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^$")
	cmd.Env = append(os.Environ(), killedDir+"="+dir)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	acknowledged := map[string]bool{}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		id := lines.Text()
		if acknowledged[id] {
			t.Errorf("%s was created twice", id)
		}
		acknowledged[id] = true
		if len(acknowledged) == creates/2 {
			if err := cmd.Process.Kill(); err != nil {
				t.Error(err)
			}
		}
	}
	_ = cmd.Wait() // it was killed
	if len(acknowledged) < creates/2 || acknowledged["all"] {
		t.Fatalf("it ended after %d: %s", len(acknowledged), &stderr)
	}
	r := embedded(t, dir)
	r.cfg.Events = true
	run(t, r)
	waitForRecords(t, r)
	all, next := r.ListBroadcasts(Filter{Limit: 2 * creates})
	found := map[string]bool{}
	for _, b := range all {
		found[b.ID] = true
	}
	if len(found) != len(all) || next != "" || len(all) > creates {
		t.Errorf("%d records of %d broadcasts", len(all), len(found))
	}
	for id := range acknowledged {
		if !found[id] {
			t.Errorf("%s was acknowledged, and is lost", id)
		}
	}
	t.Logf("%d were acknowledged, %d are there", len(acknowledged), len(all))
	eventually(t, "all events are published", func() bool { return len(r.catalog.noted()) == 0 })
	if events := storedEvents(t, r, uint64(len(all))); len(events) != len(all) {
		t.Errorf("%d events of %d broadcasts", len(events), len(all))
	}
}
