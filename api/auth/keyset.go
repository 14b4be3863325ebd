package auth

import (
	"context"
	"crypto/ecdsa"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync/atomic"
	"time"

	"github.com/MicahParks/jwkset"
	"github.com/MicahParks/keyfunc/v3"
	"github.com/golang-jwt/jwt/v5"
)

// errUnknownKey is returned for a token whose key is not in the set.
var errUnknownKey = errors.New("unknown key")

const (
	// refreshAfter is the age at which a key set is fetched again.
	refreshAfter = 10 * time.Minute
	// retryAfter is the shortest time between two fetches: also tokens with keys that do not
	// exist cause no more.
	retryAfter = 10 * time.Second
	// fetchTimeout is how long a request may wait for the key set.
	fetchTimeout = 2 * time.Second
	// maxKeySet bounds a key set, in bytes.
	maxKeySet = 1 << 20
	// maxKeys bounds the keys of a set that are used.
	maxKeys = 100
)

// keySet holds public keys. One that has a URL is fetched again from time to time, by the request
// that needs it; the others go on with the keys that there are.
type keySet struct {
	fetch   func(ctx context.Context) ([]byte, error) // nil: the keys do not change
	log     *slog.Logger
	current atomic.Pointer[loadedKeys] // nil before the first fetch
	turn    chan struct{}              // holds a token while nobody fetches
	tried   atomic.Pointer[time.Time]  // when the last fetch ended; nil before
}

// loadedKeys are the keys of one fetch.
type loadedKeys struct {
	keys keyfunc.Keyfunc
	at   time.Time
}

func newKeySet(c JWTConfig, log *slog.Logger) (*keySet, error) {
	s := &keySet{log: log, turn: make(chan struct{}, 1)}
	s.turn <- struct{}{}
	if c.JWKSURL != "" {
		s.fetch = newFetcher(c.JWKSURL).fetch
		return s, nil
	}
	text, err := os.ReadFile(c.JWKSFile)
	if err != nil {
		return nil, fmt.Errorf("api.jwt.jwks_file: %w", err)
	}
	keys, err := parseKeySet(text)
	if err != nil {
		return nil, fmt.Errorf("api.jwt.jwks_file: %s: %w", c.JWKSFile, err)
	}
	s.current.Store(&loadedKeys{keys: keys, at: time.Now()})
	return s, nil
}

// key returns the key of the token. The error wraps ErrAway if there are no keys yet.
func (s *keySet) key(ctx context.Context, token *jwt.Token) (any, error) {
	old := s.current.Load()
	if s.fetch != nil && (old == nil || time.Since(old.at) > refreshAfter) {
		s.refresh(ctx, old)
		old = s.current.Load()
	}
	if old == nil {
		return nil, ErrAway
	}
	key, err := old.keys.KeyfuncCtx(ctx)(token)
	if errors.Is(err, jwkset.ErrKeyNotFound) && s.fetch != nil {
		// The app may have begun to sign with another key.
		s.refresh(ctx, old)
		key, err = s.current.Load().keys.KeyfuncCtx(ctx)(token)
	}
	if errors.Is(err, jwkset.ErrKeyNotFound) {
		return nil, errUnknownKey
	}
	return key, err
}

// refresh fetches the keys, unless that was tried just now or another request does. Without any
// keys it waits for that request.
func (s *keySet) refresh(ctx context.Context, old *loadedKeys) {
	if t := s.tried.Load(); t != nil && time.Since(*t) < retryAfter {
		return
	}
	if old == nil {
		select {
		case <-s.turn:
		case <-ctx.Done():
			return
		case <-time.After(fetchTimeout):
			return
		}
	} else {
		select {
		case <-s.turn:
		default:
			return
		}
	}
	defer func() { s.turn <- struct{}{} }()
	if t := s.tried.Load(); t != nil && time.Since(*t) < retryAfter {
		return // another request did while this one waited
	}
	// Others profit from it even if this client leaves.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), fetchTimeout)
	defer cancel()
	text, err := s.fetch(ctx)
	var keys keyfunc.Keyfunc
	if err == nil {
		keys, err = parseKeySet(text) //nolint:contextcheck // its store is memory
	}
	now := time.Now()
	s.tried.Store(&now)
	if err != nil {
		s.log.Warn("key set not loaded", "setting", "api.jwt.jwks_url", "err", err, "hint", "tokens are checked with the keys that were loaded before, if any")
		return
	}
	s.current.Store(&loadedKeys{keys: keys, at: now})
}

// errNoKeys is the error of a key set without a key that can be used.
var errNoKeys = errors.New("the key set has no public key for RS256 or ES256")

// parseKeySet reads the public RSA and elliptic-curve keys of a JWK set. It ignores others.
func parseKeySet(text []byte) (keyfunc.Keyfunc, error) {
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(text, &set); err != nil {
		return nil, fmt.Errorf("not a JWK set: %w", err)
	}
	ctx, store, n := context.Background(), jwkset.NewMemoryStorage(), 0
	for _, raw := range set.Keys[:min(len(set.Keys), maxKeys)] {
		k, err := jwkset.NewJWKFromRawJSON(raw, jwkset.JWKMarshalOptions{}, jwkset.JWKValidateOptions{})
		if err != nil || k.Marshal().USE == jwkset.UseEnc {
			continue
		}
		switch k.Key().(type) {
		case *rsa.PublicKey, *ecdsa.PublicKey:
		default:
			continue
		}
		if err := store.KeyWrite(ctx, k); err != nil {
			return nil, err
		}
		n++
	}
	if n == 0 {
		return nil, errNoKeys
	}
	return keyfunc.New(keyfunc.Options{Storage: store})
}
