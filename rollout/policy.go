package rollout

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math"
	"time"
)

// User is a person who wants to go live, as far as the caller knows. Attributes that are not
// known have their zero value.
type User struct {
	ID         string
	Platform   string    // the app's platform, such as "android"
	AppVersion string    // such as "8.2.0"
	Country    string    // ISO 3166-1, two letters
	Created    time.Time // when the account was made
	Followers  int64
}

// Reason is why a decision was taken, in the words of OpenFeature ("Types and Data Structures",
// resolution reason).
type Reason string

// The reasons that a Policy gives.
const (
	Disabled       Reason = "DISABLED"        // the kill switch
	Static         Reason = "STATIC"          // everybody gets this answer
	TargetingMatch Reason = "TARGETING_MATCH" // a list or the rules decided
	Split          Reason = "SPLIT"           // the percentage decided
)

// Decision is the answer to whether a user may go live.
type Decision struct {
	Allowed bool
	Reason  Reason
	// Message says why, in a sentence for the app's developers.
	Message string
	// FallbackURL is where the app may send a user who is refused; may be empty.
	FallbackURL string
}

// Variant returns "on" or "off", the name of the answer as a value of a feature flag.
func (d Decision) Variant() string {
	if d.Allowed {
		return "on"
	}
	return "off"
}

// Policy decides who may go live. It is safe for concurrent use.
type Policy struct {
	config      Config
	allow, deny map[string]bool
}

// New returns the policy of a valid configuration.
func New(c Config) *Policy {
	return &Policy{config: c, allow: set(c.Allow), deny: set(c.Deny)}
}

// Sticky reports whether users who were let in once stay in.
func (p *Policy) Sticky() bool { return p.config.Sticky }

// Decide answers for one user at the time now. wasIn says that the user was let in before, which
// counts only if the policy is sticky.
//
// In this order: the kill switch, the deny list, the allow list, who was in before, the rules,
// the percentage.
func (p *Policy) Decide(u User, wasIn bool, now time.Time) Decision {
	if d, ok := p.Forced(u, wasIn); ok {
		return d
	}
	c := &p.config
	switch {
	case !p.rulesHold(u, now):
		return p.refuse(TargetingMatch, "None of the rules holds for this user.")
	case c.Percent >= 100 && len(c.Rules) == 0:
		return Decision{Allowed: true, Reason: Static, Message: "Everybody may go live."}
	case c.Percent >= 100:
		return Decision{Allowed: true, Reason: TargetingMatch, Message: "A rule holds for this user."}
	case p.place(u.ID) < c.Percent:
		return Decision{Allowed: true, Reason: Split, Message: fmt.Sprintf("This user is among the %v %% who may go live.", c.Percent)}
	default:
		return p.refuse(Split, fmt.Sprintf("This user is not among the %v %% who may go live.", c.Percent))
	}
}

// Forced returns the answer for a user that does not depend on the rules and the percentage, if
// there is one: that of the kill switch, of a list, or of stickiness.
func (p *Policy) Forced(u User, wasIn bool) (Decision, bool) {
	switch {
	case !p.config.Enabled:
		return p.refuse(Disabled, "Going live is switched off."), true
	case p.deny[u.ID]:
		return p.refuse(TargetingMatch, "This user is on the deny list."), true
	case p.allow[u.ID]:
		return Decision{Allowed: true, Reason: TargetingMatch, Message: "This user is on the allow list."}, true
	case p.config.Sticky && wasIn:
		return Decision{Allowed: true, Reason: TargetingMatch, Message: "This user was let in before."}, true
	}
	return Decision{}, false
}

func (p *Policy) refuse(r Reason, message string) Decision {
	return Decision{Reason: r, Message: message, FallbackURL: p.config.FallbackURL}
}

func (p *Policy) rulesHold(u User, now time.Time) bool {
	for _, r := range p.config.Rules {
		if r.holds(u, now) {
			return true
		}
	}
	return len(p.config.Rules) == 0
}

// place returns the place of a user among all users, from 0 to below 100. It depends on the id and
// the salt alone.
func (p *Policy) place(id string) float64 {
	// The length keeps salt and id apart.
	sum := sha256.Sum256(fmt.Appendf(nil, "%d:%s:%s", len(p.config.Salt), p.config.Salt, id))
	// 53 bits, so that the quotient is exact and below 1.
	return 100 * float64(binary.BigEndian.Uint64(sum[:])>>11) / math.Exp2(53)
}

func set(ids []string) map[string]bool {
	m := make(map[string]bool, len(ids))
	for _, id := range ids {
		m[id] = true
	}
	return m
}
