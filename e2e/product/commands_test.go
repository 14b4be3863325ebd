//go:build e2e

package product

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"golive/e2e/harness"
)

// operator runs the commands of golive that call a server, with an API key.
type operator struct {
	tb     testing.TB
	server *harness.Server
	key    string
}

// run runs a command, and returns what it prints. It checks the exit code.
func (o operator) run(code int, args ...string) (stdout, stderr string) {
	o.tb.Helper()
	ctx, cancel := context.WithTimeout(o.tb.Context(), harness.Timeout(20*time.Second))
	defer cancel()
	cmd := exec.CommandContext(ctx, o.server.Program(), o.args(args)...)
	cmd.Env = append(cmd.Environ(), "GOLIVE_TOKEN="+o.key)
	var out, problems bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &problems
	err := cmd.Run()
	if got := cmd.ProcessState.ExitCode(); got != code {
		o.tb.Fatalf("golive %s: exit code %d, %v, want %d\n%s%s", strings.Join(args, " "), got, err, code, &out, &problems)
	}
	return out.String(), problems.String()
}

// start starts a command that runs until it is stopped or the broadcast ends.
func (o operator) start(args ...string) *harness.Process {
	return harness.Launch(o.tb, []string{"GOLIVE_TOKEN=" + o.key}, append([]string{o.server.Program()}, o.args(args)...)...)
}

func (o operator) args(args []string) []string { return append(args, "--url", o.server.URL("")) }

// prints runs a command that succeeds, and checks that what it prints matches each pattern.
func (o operator) prints(patterns []string, args ...string) string {
	o.tb.Helper()
	out, _ := o.run(0, args...)
	for _, p := range patterns {
		if !regexp.MustCompile("(?m)" + p).MatchString(out) {
			o.tb.Errorf("golive %s does not print %q:\n%s", strings.Join(args, " "), p, out)
		}
	}
	return out
}

// fails runs a command that fails, and checks that it says why, and prints nothing else.
func (o operator) fails(reason string, args ...string) {
	o.tb.Helper()
	if out, problems := o.run(1, args...); out != "" || !strings.Contains(problems, reason) {
		o.tb.Errorf("golive %s: %q %q, want %q", strings.Join(args, " "), out, problems, reason)
	}
}

// createFor creates a broadcast for a user, as a server of the app does.
func (o operator) createFor(name, title string) (b created) {
	o.tb.Helper()
	req, err := http.NewRequestWithContext(o.tb.Context(), http.MethodPost, o.server.URL("/v1/broadcasts"), strings.NewReader(fmt.Sprintf("{%q:%q}", "title", title)))
	if err != nil {
		o.tb.Fatal(err)
	}
	req.Header = http.Header{"Authorization": {"Bearer " + o.key}, "Golive-User": {name}, "Content-Type": {"application/json"}}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		o.tb.Fatal(err)
	}
	text, err := io.ReadAll(resp.Body)
	if err = errors.Join(err, resp.Body.Close()); err != nil || resp.StatusCode != http.StatusCreated || json.Unmarshal(text, &b) != nil {
		o.tb.Fatalf("%d %s %v", resp.StatusCode, text, err)
	}
	return b
}

// An operator follows a broadcast with the commands from its creation to its end.
func TestCommands_ShowAndChangeWhatTheServerHas(t *testing.T) {
	const all, reading = "the-key-of-an-operator-who-may-do-all-of-it", "the-key-of-a-dashboard-that-only-reads-it"
	s := start(t, fmt.Sprintf("ingest: { publish: { open: false } }\n"+
		"rollout: { percent: 0, allow: [alice], fallback_url: 'https://app.test/native' }\n"+
		"api:\n  open: false\n  keys:\n"+
		"    - id: operator\n      key: %s\n      scopes: [broadcasts:read, broadcasts:write, golive:read]\n"+
		"    - id: dashboard\n      key: %s\n      scopes: [broadcasts:read]\n", all, reading))
	o, dashboard := operator{t, s, all}, operator{t, s, reading}

	if out, _ := o.run(0, "broadcasts", "list"); strings.Join(strings.Fields(out), " ") != "ID STATE VIEWERS FOR SOURCE OWNER TITLE" {
		t.Errorf("without broadcasts: %q", out)
	}
	o.prints([]string{`^may go live +yes$`, `^code +TARGETING_MATCH$`}, "user", "may-go-live", "alice")
	o.prints([]string{`^may go live +no$`, `^reason +\S.*$`, `^fallback +https://app\.test/native$`}, "user", "may-go-live", "bob", "--platform", "ios")
	o.prints([]string{`^  "allowed": false,$`, `^  "variant": "off",$`}, "user", "may-go-live", "bob", "--json")

	b := o.createFor("alice", "Sunset")
	row := func(state, rest string) []string { return []string{`^` + b.ID + ` +` + state + ` +` + rest + `$`} }
	o.prints(row("created", `0 +- +- +alice +Sunset`), "broadcasts", "list", "--owner", "alice")
	o.prints([]string{`^id +` + b.ID + `$`, `^state +created$`, `^title +Sunset$`, `^owner +alice$`, `^visibility +public$`, `^created +20\d\d-`, `^playlist +http://` + s.HTTP + `/live/` + b.ID + `/index\.m3u8$`},
		"broadcasts", "show", b.ID)
	dashboard.fails("403 Forbidden: this API key lacks the scope broadcasts:write", "broadcasts", "end", b.ID)
	dashboard.fails("403 Forbidden: this API key lacks the scope golive:read", "user", "may-go-live", "alice")
	operator{t, s, "dev:alice"}.fails("401 Unauthorized: dev:USER is accepted only while api.open is true (set --token or GOLIVE_TOKEN)", "broadcasts", "show", b.ID)
	o.fails("404 Not Found: there is no such broadcast", "keys", "rotate", "another")

	rotated := o.prints([]string{`^stream key +\S{20,}$`, `^rtmp +rtmp://` + regexp.QuoteMeta(s.RTMP) + `/live$`}, "keys", "rotate", b.ID)
	key := strings.Fields(rotated)[2]
	watch := dashboard.start("broadcasts", "watch", b.ID, "--interval", "200ms")
	harness.Until(t, "the watch begins", 20*time.Second, func() bool { return watch.Logs.Count(b.ID, " created ") == 1 })
	encoder := harness.PublishLooped(t, sources.Plain(t), b.Ingest.RTMP+"/"+key)
	harness.Until(t, "the watch sees it live", 20*time.Second, func() bool { return watch.Logs.Count(b.ID, " live ") > 0 })
	harness.Until(t, "the source is measured", 20*time.Second, func() bool {
		out, _ := dashboard.run(0, "broadcasts", "list")
		return regexp.MustCompile(`(?m)` + row("live", `\d+ +\S+ +\d+x\d+ \S+/s \d+ kbit/s +alice +Sunset`)[0]).MatchString(out)
	})
	o.prints([]string{`^state +live$`, `^started +20\d\d-`, `^encoder +\S+`, `^rendition +source +\d+x\d+ .* avc1\.`}, "broadcasts", "show", b.ID)
	o.prints([]string{`^the stream key of ` + b.ID + ` is revoked; a publisher that is connected stays`}, "keys", "revoke", b.ID)
	o.prints(row("live", `\d+ .*`), "broadcasts", "list", "--state", "live")
	o.fails("400 Bad Request: name the user with the header Golive-User", "keys", "rotate", "@news") // the key would have no owner
	o.fails("404 Not Found: there is no such channel", "keys", "revoke", "@news")

	o.prints([]string{`^` + b.ID + ` is asked to end$`}, "broadcasts", "end", b.ID)
	<-encoder.Done()
	select {
	case <-watch.Done():
	case <-time.After(harness.Timeout(20 * time.Second)):
		t.Error("the watch does not end with the broadcast")
	}
	if watch.Logs.Count(b.ID, " ended ") != 1 {
		t.Errorf("the watch:\n%s", watch.Logs)
	}
	var list struct {
		Broadcasts []struct{ ID, State, Owner string }
	}
	out, _ := o.run(0, "broadcasts", "list", "--owner", "alice", "--json")
	if err := json.Unmarshal([]byte(out), &list); err != nil || len(list.Broadcasts) != 1 || list.Broadcasts[0].ID != b.ID || list.Broadcasts[0].State != "ended" || list.Broadcasts[0].Owner != "alice" {
		t.Errorf("%v: %s", err, out)
	}
	o.prints([]string{`^state +ended$`, `^ended +20\d\d-`}, "broadcasts", "show", b.ID)
}
