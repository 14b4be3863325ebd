package main

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"strings"
	"time"

	"golive/api"
	"golive/api/flags"
	"golive/ingest"
	"golive/internal/config"
	"golive/transcode"
)

// reloadInterval is how often the configuration file is looked at. A change acts when the file has
// not changed for that long, so that none is read while it is written.
const reloadInterval = 300 * time.Millisecond

// reloadable is a part of the configuration that can change while the server runs.
type reloadable struct {
	// paths are the keys, each with all below it.
	paths []string
	// apply puts the new values into force. After an error the old ones are still in force.
	apply func(config.Config) error
}

// reloader reads the configuration again when its file changes, and at a signal.
type reloader struct {
	file     string // may be empty
	load     func() (config.Config, error)
	read     fileState     // of the file when it was loaded last
	running  config.Config // what is in force
	sections []reloadable
	log      *slog.Logger
}

// reloadables returns what can change while the server runs, but for the log level.
func reloadables(auth *ingest.Authorizer, limiter *ingest.SessionLimiter, sessions *ingest.Sessions, transcoder *transcode.Transcoder, policy *flags.Flags, rest *api.API) []reloadable {
	const limits = "ingest.limits."
	return []reloadable{
		{[]string{"ingest.publish.open", "ingest.publish.keys"}, func(c config.Config) error {
			return auth.Reload(c.Ingest.Publish)
		}},
		{[]string{limits + "sessions", limits + "sessions_per_address"}, func(c config.Config) error {
			limiter.Reload(c.Ingest.Limits)
			return nil
		}},
		{[]string{
			limits + "ahead", limits + "bitrate", limits + "width", limits + "height", limits + "frame_rate",
			limits + "gop_warn", limits + "gop_max", limits + "duration",
		}, func(c config.Config) error {
			sessions.Reload(c.Ingest.Limits)
			return nil
		}},
		{[]string{"transcode.ladder"}, func(c config.Config) error {
			transcoder.SetLadder(c.Transcode.Ladder)
			return nil
		}},
		{[]string{"rollout"}, func(c config.Config) error {
			policy.Reload(c.Rollout)
			return nil
		}},
		{[]string{"api.open", "api.jwt", "api.keys", "api.cors_origins", "api.public_url", "api.limits"}, func(c config.Config) error {
			return rest.Reload(c.API)
		}},
	}
}

// run reloads until ctx is done.
func (r *reloader) run(ctx context.Context, hangups <-chan struct{}) {
	tick := time.NewTicker(reloadInterval)
	defer tick.Stop()
	for before := r.read; ; {
		select {
		case <-hangups:
			r.read = statOf(r.file)
			r.reload()
		case <-tick.C:
			now := statOf(r.file)
			if !now.same(r.read) && now.same(before) {
				r.read = now
				r.reload()
			}
			before = now
		case <-ctx.Done():
			return
		}
	}
}

// reload loads the configuration, and applies what has changed.
func (r *reloader) reload() {
	if r.file == "" {
		r.log.Warn("nothing to reload", "hint", "golive serve was started without -config")
		return
	}
	next, err := r.load()
	if err != nil {
		r.refuse(err)
		return
	}
	changed, restart := r.apply(next)
	if len(changed) > 0 {
		r.log.Info("configuration reloaded", "changed", strings.Join(changed, " "))
	}
	if len(restart) > 0 {
		r.log.Warn("configuration change needs a restart", "keys", strings.Join(restart, " "))
	}
	if len(changed)+len(restart) == 0 {
		r.log.Info("configuration is unchanged")
	}
}

// refuse logs why a configuration is not taken.
func (r *reloader) refuse(err error) {
	const message, hint = "configuration not reloaded", "nothing has changed; golive check-config shows the lines"
	problems, ok := errors.AsType[*config.Error](err)
	if !ok {
		r.log.Error(message, "err", err, "hint", hint)
		return
	}
	for _, p := range problems.Problems {
		if p.Hint == "" {
			p.Hint = hint
		}
		r.log.Error(message, "at", p.Origin.Place(), "key", p.Path, "reason", p.Text, "hint", p.Hint)
	}
}

// apply applies the changes from what is in force to next. It returns the keys that have changed, and
// those whose change needs a restart.
func (r *reloader) apply(next config.Config) (changed, restart []string) {
	differing := config.Changes(r.running, next)
	known := map[string]bool{}
	for _, s := range r.sections {
		var here []string
		for _, key := range differing {
			if s.has(key) {
				here = append(here, key)
				known[key] = true
			}
		}
		if len(here) == 0 {
			continue
		}
		if err := s.apply(next); err != nil {
			r.log.Error("configuration not reloaded", "keys", strings.Join(here, " "), "err", err)
			continue
		}
		for _, path := range s.paths {
			r.running.Take(next, path)
		}
		changed = append(changed, here...)
	}
	for _, key := range differing {
		if !known[key] {
			restart = append(restart, key)
		}
	}
	return changed, restart
}

func (s reloadable) has(key string) bool {
	for _, path := range s.paths {
		if config.Within(key, path) {
			return true
		}
	}
	return false
}

// fileState is what tells one content of a file from another. It is zero for a file that does not
// exist.
type fileState struct{ info fs.FileInfo }

func statOf(name string) fileState {
	if name == "" {
		return fileState{}
	}
	info, err := os.Stat(name)
	if err != nil {
		return fileState{}
	}
	return fileState{info}
}

// same reports whether both are the same content.
func (a fileState) same(b fileState) bool {
	if a.info == nil || b.info == nil {
		return a.info == b.info
	}
	return os.SameFile(a.info, b.info) && a.info.ModTime().Equal(b.info.ModTime()) && a.info.Size() == b.info.Size()
}
