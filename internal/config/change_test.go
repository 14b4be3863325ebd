package config

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"golive/ingest"
	"golive/internal/setting"
)

func TestChanges_NamesTheKeysThatDiffer(t *testing.T) {
	a, b := Default(), Default()
	if got := Changes(a, b); len(got) != 0 {
		t.Errorf("changes between equal configurations are %v, want none", got)
	}
	b.Log.Level = "debug"
	b.Ingest.Publish.Keys = []ingest.KeyConfig{{ID: "a", Key: setting.NewSecret("hunter2hunter2")}}
	b.Rollout.Percent = 5
	b.Rollout.Allow = []string{} // as absent
	want := []string{"log.level", "ingest.publish.keys", "rollout.percent"}
	if diff := cmp.Diff(want, Changes(a, b)); diff != "" {
		t.Errorf("changed keys (-want +got):\n%s", diff)
	}
	a = b
	b.Ingest.Publish.Keys = []ingest.KeyConfig{{ID: "a", Key: setting.NewSecret("hunter3hunter3")}}
	if diff := cmp.Diff([]string{"ingest.publish.keys"}, Changes(a, b)); diff != "" {
		t.Errorf("changed keys with another secret (-want +got):\n%s", diff)
	}
}

func TestTake_SetsOneSection(t *testing.T) {
	a, b := Default(), Default()
	b.Rollout.Enabled, b.Rollout.Deny, b.Log.Level, b.Ingest.Limits.Sessions = false, []string{"x"}, "debug", 7
	a.Take(b, "rollout")
	a.Take(b, "ingest.limits.sessions")
	if diff := cmp.Diff([]string{"log.level"}, Changes(a, b)); diff != "" {
		t.Errorf("keys that still differ (-want +got):\n%s", diff)
	}
	if a.Ingest.Limits.SessionsPerAddress != 0 || len(Default().Rollout.Deny) != 0 {
		t.Errorf("sessions_per_address is %d and rollout.deny of the defaults %q, want both unchanged", a.Ingest.Limits.SessionsPerAddress, Default().Rollout.Deny)
	}
}
