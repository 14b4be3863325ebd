package origin

import (
	"time"

	"golive/origin/playtoken"
)

// Access knows which broadcasts need a playback token. Its methods may be called from many
// goroutines, for every request, and answer from memory.
type Access interface {
	// Protected reports whether the broadcast may be watched with a token only, and the
	// generation of its tokens: earlier ones are revoked. Both are zero for a broadcast that
	// it does not know.
	Protected(id string) (protected bool, generation int)
}

// Guard decides who may watch. The zero Guard admits everybody.
type Guard struct {
	// Tokens checks playback tokens. It must be set where a token may be needed.
	Tokens *playtoken.Verifier
	// Signed is true if every broadcast needs a token.
	Signed bool
	// Access knows which broadcasts need one in any case; nil is none.
	Access Access
	// Grace is how long after a token's time media is still sent, so that what a playlist listed
	// can be played.
	Grace time.Duration
}

// admit returns nil if the sender of a request may have f, and notes whether others may not. The
// answer is the same whether the broadcast exists or not. A request that waits for what comes is
// admitted once: its token may expire meanwhile.
func (g *Guard) admit(f *resource, k kind) error {
	protected, generation := g.Signed, 0
	if g.Access != nil {
		var private bool
		private, generation = g.Access.Protected(f.id)
		protected = protected || private
	}
	if !protected {
		return nil
	}
	f.protected = true
	var grace time.Duration
	if k == kindSegment || k == kindPart {
		grace = g.Grace
	}
	return g.Tokens.Check(f.token, f.id, generation, grace)
}
