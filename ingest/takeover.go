package ingest

import (
	"fmt"

	"golive/internal/setting"
)

// Takeover says when a publisher replaces another one of the same broadcast that
// is still connected.
type Takeover string

// The policies.
const (
	// TakeoverSilent: when the other has sent nothing for a second. An encoder
	// that lost its network and came back gets in; two encoders with the same key
	// do not throw each other out.
	TakeoverSilent Takeover = "silent"
	// TakeoverAlways: whoever comes last publishes.
	TakeoverAlways Takeover = "always"
	// TakeoverNever: not before the other's connection has ended.
	TakeoverNever Takeover = "never"
)

func (t Takeover) validate(p *setting.Problems) {
	switch t {
	case TakeoverSilent, TakeoverAlways, TakeoverNever:
	default:
		p.Add("publish.takeover", fmt.Sprintf("write %s, %s or %s", TakeoverSilent, TakeoverAlways, TakeoverNever), "%q is not a policy", t)
	}
}
