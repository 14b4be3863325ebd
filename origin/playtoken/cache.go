package playtoken

import (
	"strings"
	"sync"
)

// maxRecent is how many tokens a map of the cache holds. Only tokens that this server's key signed
// get in, of about 300 bytes each.
const maxRecent = 1 << 16

// cache holds the tokens that were verified lately: those that were used since the maps changed
// places last, in any case.
type cache struct {
	mu            sync.RWMutex
	recent, older map[string]*token
}

// find returns a token that was verified before, or nil.
func (c *cache) find(text string) *token {
	c.mu.RLock()
	t, isRecent := c.recent[text]
	if !isRecent {
		t = c.older[text]
	}
	c.mu.RUnlock()
	if t != nil && !isRecent {
		c.add(text, t)
	}
	return t
}

// add adds a token. When the map of the recent ones is full, those that were not used since the
// last time are dropped.
func (c *cache) add(text string, t *token) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.recent == nil || len(c.recent) >= maxRecent {
		c.recent, c.older = map[string]*token{}, c.recent
	}
	c.recent[strings.Clone(text)] = t // the text is part of a request's path
}
