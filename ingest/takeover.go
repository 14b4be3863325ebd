package ingest

import (
	"fmt"

	"golive/internal/setting"
)

// Takeover is the policy for when a publisher replaces another one of the same broadcast
// that is still connected.
type Takeover string

// The policies.
const (
	// TakeoverSilent: if the other has sent nothing for a second. An encoder that reconnects
	// after a network failure is admitted; two encoders with the same key do not evict each
	// other.
	TakeoverSilent Takeover = "silent"
	// TakeoverAlways: always.
	TakeoverAlways Takeover = "always"
	// TakeoverNever: only after the other's connection has ended.
	TakeoverNever Takeover = "never"
)

func (t Takeover) validate(p *setting.Problems) {
	switch t {
	case TakeoverSilent, TakeoverAlways, TakeoverNever:
	default:
		p.Add("publish.takeover", fmt.Sprintf("write %s, %s or %s", TakeoverSilent, TakeoverAlways, TakeoverNever), "%q is not a policy", t)
	}
}
