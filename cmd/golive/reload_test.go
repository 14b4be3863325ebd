package main

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golive/api/flags"
	"golive/internal/config"
	"golive/internal/logtest"
	"golive/rollout"
)

// reloaded is a reloader of a file, and what it has done.
type reloaded struct {
	*reloader
	t      *testing.T
	log    logtest.Log
	policy *flags.Flags
	fails  error // of the next application of the stream keys
}

func newReloaded(t *testing.T, text string) *reloaded {
	t.Helper()
	r := &reloaded{t: t}
	file := filepath.Join(t.TempDir(), "golive.yaml")
	r.reloader = &reloader{file: file, log: slog.New(slog.NewTextHandler(&r.log, nil)), load: func() (config.Config, error) {
		loaded, err := config.Load(config.Input{File: file, Reload: true})
		if err != nil {
			return config.Config{}, err
		}
		return loaded.Config, nil
	}}
	r.write(text)
	cfg, err := r.load()
	if err != nil {
		t.Fatal(err)
	}
	r.running, r.read, r.policy = cfg, statOf(file), flags.New(cfg.Rollout, slog.New(slog.DiscardHandler))
	r.sections = []reloadable{
		{[]string{"rollout"}, func(c config.Config) error { r.policy.Reload(c.Rollout); return nil }},
		{[]string{"ingest.publish.open", "ingest.publish.keys"}, func(config.Config) error { return r.fails }},
	}
	return r
}

// write replaces the file as editors do.
func (r *reloaded) write(text string) {
	r.t.Helper()
	if err := os.WriteFile(r.file+".new", []byte(text), 0o600); err != nil {
		r.t.Fatal(err)
	}
	if err := os.Rename(r.file+".new", r.file); err != nil {
		r.t.Fatal(err)
	}
}

// logged returns the log since the last call.
func (r *reloaded) logged() string { return r.log.Take() }

func (r *reloaded) allowed() bool {
	return r.policy.Decide(r.t.Context(), rollout.User{ID: "u"}, false).Allowed
}

func TestReloader_AppliesAChangeOfTheFileWithinASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newReloaded(t, "rollout: { percent: 100 }\n")
		defer runInBackground(t.Context(), func(ctx context.Context) { r.run(ctx, nil) })()
		for _, c := range []struct {
			text, changed string
			allowed       bool
		}{
			{"rollout: { enabled: false }\n", "rollout.enabled", false},
			{"rollout: { enabled: true, percent: 0 }\n", "rollout.enabled rollout.percent", false},
			{"rollout: { percent: 0, allow: [u] }\n", "rollout.allow", true},
		} {
			r.write(c.text)
			time.Sleep(time.Second)
			synctest.Wait()
			if r.allowed() != c.allowed {
				t.Errorf("%q does not act after a second", c.text)
			}
			if log := r.logged(); strings.Count(log, "configuration reloaded") != 1 || !strings.Contains(log, `changed=`) || !strings.Contains(log, c.changed) {
				t.Errorf("%q: the log is %s", c.text, log)
			}
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if log := r.logged(); log != "" {
			t.Errorf("without a change it logs %s", log)
		}
	})
}

func TestReloader_ABrokenFileChangesNothingAndIsReportedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newReloaded(t, "rollout: { enabled: false }\n")
		defer runInBackground(t.Context(), func(ctx context.Context) { r.run(ctx, nil) })()
		for _, c := range []struct{ text, want string }{
			{"rollout: { percent: 101 }\n", r.file + `:1:21 key=rollout.percent reason="must be from 0 to 100, not 101" hint="100 is everybody, 0.5 is one user in 200"`},
			{"rollout: { enabled: yes please }\n", "key=rollout.enabled"},
			{"rollout: {\n", "not YAML"},
			{"rolout: { enabled: true }\n", "did you mean"},
			{"\n", "the file is empty"},
		} {
			r.write(c.text)
			time.Sleep(10 * time.Second)
			synctest.Wait()
			if log := r.logged(); strings.Count(log, "configuration not reloaded") != 1 || !strings.Contains(log, c.want) {
				t.Errorf("%q: the log is %s", c.text, log)
			}
			if r.allowed() {
				t.Fatalf("%q has acted", c.text)
			}
		}
		if err := os.Remove(r.file); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if log := r.logged(); strings.Count(log, "no such file") != 1 {
			t.Errorf("without a file the log is %s", log)
		}
		r.write("rollout: { enabled: true }\n")
		time.Sleep(time.Second)
		synctest.Wait()
		if !r.allowed() {
			t.Error("the next valid file does not act")
		}
	})
}

func TestReloader_NamesWhatNeedsARestart(t *testing.T) {
	r := newReloaded(t, "playlist: { window: 30s }\n")
	r.write("playlist: { window: 1m }\norigin: { listen: \":9090\" }\nrollout: { enabled: false }\n")
	for range 2 { // until there is one
		r.reload()
		log := r.logged()
		if !strings.Contains(log, `msg="configuration change needs a restart" keys="playlist.window origin.listen"`) {
			t.Errorf("the log is %s", log)
		}
	}
	if r.allowed() {
		t.Error("what needs no restart has not acted")
	}
	r.write("rollout: { enabled: false }\n")
	r.reload()
	if log := r.logged(); !strings.Contains(log, "configuration is unchanged") {
		t.Errorf("after it was taken back the log is %s", log)
	}
}

func TestReloader_LogsNoSecret(t *testing.T) {
	r := newReloaded(t, "ingest: { publish: { open: false, keys: [ { id: a, key: hunter2hunter2 } ] } }\n")
	r.write("ingest: { publish: { open: false, keys: [ { id: a, key: hunter3hunter3 } ] } }\nstorage: { s3: { access_key: a, secret_key: hunter4hunter4 } }\n")
	r.reload()
	log := r.logged()
	if !strings.Contains(log, "changed=ingest.publish.keys") || !strings.Contains(log, "storage.s3.secret_key") || strings.Contains(log, "hunter") {
		t.Errorf("the log is %s", log)
	}
	r.write("ingest: { publish: { open: false, keys: [ { id: a, key: hunter3hunter3, kye: hunter5hunter5 } ] } }\n")
	r.reload()
	if log := r.logged(); !strings.Contains(log, "configuration not reloaded") || strings.Contains(log, "hunter") {
		t.Errorf("the log is %s", log)
	}
}

func TestReloader_WhatCannotBeAppliedIsTriedAgain(t *testing.T) {
	r := newReloaded(t, "log: { level: info }\n")
	r.write("ingest: { publish: { open: false, keys: [ { id: a, key: hunter2hunter2 } ] } }\n")
	r.fails = errors.New("no such key file")
	r.reload()
	if log := r.logged(); !strings.Contains(log, "no such key file") || strings.Contains(log, "msg=\"configuration reloaded\"") {
		t.Errorf("the log is %s", log)
	}
	r.fails = nil
	r.reload()
	if log := r.logged(); !strings.Contains(log, "ingest.publish.open ingest.publish.keys") {
		t.Errorf("the log is %s", log)
	}
}

// The names in the table must be keys.
func TestReloadables_AreKeysOfTheConfiguration(t *testing.T) {
	for _, s := range reloadables(nil, nil, nil, nil, nil, nil) {
		for _, path := range s.paths {
			if keys := config.KeysWithin(path); len(keys) == 0 {
				t.Errorf("%s is no key", path)
			}
		}
	}
}
