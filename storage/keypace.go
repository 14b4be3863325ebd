package storage

import (
	"sync"
	"time"
)

// KeyPace spaces the puts of one key, for stores that refuse more than one in some time.
// All that write to a bucket share one: broadcasts that follow each other under one id
// write the same playlists. A nil KeyPace asks for no space.
type KeyPace struct {
	interval time.Duration

	mu   sync.Mutex
	last map[string]time.Time // when the put of a key ended
}

// NewKeyPace makes the KeyPace for puts that are interval apart; nil if that is 0.
func NewKeyPace(interval time.Duration) *KeyPace {
	if interval <= 0 {
		return nil
	}
	return &KeyPace{interval: interval, last: make(map[string]time.Time)}
}

// Next returns the time from which the key may be put; zero is at once.
func (p *KeyPace) Next(key string) time.Time {
	if p == nil {
		return time.Time{}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	last, ok := p.last[key]
	if !ok {
		return time.Time{}
	}
	return last.Add(p.interval)
}

// Put notes that a put of the key has ended, well or not: the store counts both.
func (p *KeyPace) Put(key string) {
	if p == nil {
		return
	}
	now := time.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	for k, last := range p.last {
		if now.Sub(last) >= p.interval {
			delete(p.last, k)
		}
	}
	p.last[key] = now
}
