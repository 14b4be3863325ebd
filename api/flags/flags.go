package flags

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"golive/rollout"
)

// Flags decides who may go live. It is safe for concurrent use.
type Flags struct {
	log     *slog.Logger
	current atomic.Pointer[current]
}

// current is what a Reload replaces.
type current struct {
	config  rollout.Config
	policy  *rollout.Policy
	service *service // nil if the policy decides alone
}

// New returns Flags for a valid configuration.
func New(c rollout.Config, log *slog.Logger) *Flags {
	f := &Flags{log: log}
	f.Reload(c)
	return f
}

// Reload replaces the configuration. Answers that were kept are forgotten.
func (f *Flags) Reload(c rollout.Config) {
	next := &current{config: c, policy: rollout.New(c)}
	if c.OFREPURL != "" {
		next.service = newService(c, f.log)
	}
	f.current.Store(next)
}

// Decide answers for one user. wasIn says that the user was let in before.
func (f *Flags) Decide(ctx context.Context, u rollout.User, wasIn bool) rollout.Decision {
	now := f.current.Load()
	if now.service == nil {
		return now.policy.Decide(u, wasIn, time.Now())
	}
	if d, ok := now.policy.Forced(u, wasIn); ok {
		return d
	}
	d := now.service.decide(ctx, u)
	if !d.Allowed {
		d.FallbackURL = now.config.FallbackURL
	}
	return d
}
