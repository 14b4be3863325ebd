package rollout

import (
	"sync/atomic"
	"time"
)

// Current is the policy in force, which can be replaced while it is used. It is safe for concurrent
// use.
type Current struct{ policy atomic.Pointer[Policy] }

// NewCurrent returns a Current with the policy of a valid configuration.
func NewCurrent(c Config) *Current {
	p := &Current{}
	p.Reload(c)
	return p
}

// Reload replaces the policy by that of a valid configuration.
func (p *Current) Reload(c Config) { p.policy.Store(New(c)) }

// Sticky reports whether users who were let in once stay in.
func (p *Current) Sticky() bool { return p.policy.Load().Sticky() }

// Decide answers for one user at the time now; see Policy.Decide.
func (p *Current) Decide(u User, wasIn bool, now time.Time) Decision {
	return p.policy.Load().Decide(u, wasIn, now)
}
