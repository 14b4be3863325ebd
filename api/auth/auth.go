package auth

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"log/slog"
	"net/http"
	"strings"

	"golive/rollout"
)

// devPrefix begins the credentials of open mode.
const devPrefix = "dev:"

// Authenticator knows who may use the API. It is immutable, but for the key set that it fetches,
// and safe for concurrent use.
type Authenticator struct {
	open   bool
	keys   []serverKey
	tokens *tokens // nil if there are none
}

// serverKey is an API key, as a hash.
type serverKey struct {
	id     string
	hash   [sha256.Size]byte
	scopes []Scope
}

// New returns an Authenticator for a valid configuration. It logs a warning in open mode.
func New(c Config, log *slog.Logger) (*Authenticator, error) {
	a := &Authenticator{open: c.Open}
	if c.Open {
		log.Warn("the API is open to anybody under any user name: set api.open to false, and api.jwt or api.keys, before this server is reachable from the internet")
	}
	for i, k := range c.Keys {
		if err := checkAPIKey(k.Key.Reveal()); err != nil { // of a file, which Validate does not see
			return nil, fmt.Errorf("api.keys[%d].key: %w", i, err)
		}
		key := serverKey{id: k.ID, hash: sha256.Sum256([]byte(k.Key.Reveal()))}
		for _, s := range k.Scopes {
			key.scopes = append(key.scopes, Scope(s))
		}
		a.keys = append(a.keys, key)
	}
	if c.JWT.Enabled() {
		t, err := newTokens(c.JWT, log)
		if err != nil {
			return nil, err
		}
		a.tokens = t
	}
	return a, nil
}

// Identify returns who sends a request with these headers: the zero Caller if there are no
// credentials. The error wraps ErrUnauthorized, ErrForbidden if a user names somebody else, or
// ErrAway if it is not known now.
func (a *Authenticator) Identify(ctx context.Context, h http.Header) (Caller, error) {
	values := h.Values("Authorization")
	if len(values) == 0 {
		return Caller{}, nil
	}
	scheme, credentials, _ := strings.Cut(values[0], " ")
	credentials = strings.Trim(credentials, " ")
	if len(values) > 1 || !strings.EqualFold(scheme, "Bearer") || credentials == "" {
		return Caller{}, fmt.Errorf("%w: send one header Authorization: Bearer TOKEN", ErrUnauthorized)
	}
	if name, ok := strings.CutPrefix(credentials, devPrefix); ok {
		return a.developer(name, h)
	}
	if k := a.find(credentials); k != nil {
		return k.caller(h)
	}
	if a.tokens == nil || strings.Count(credentials, ".") != 2 {
		return Caller{}, fmt.Errorf("%w: the credentials are not known here", ErrUnauthorized)
	}
	user, err := a.tokens.user(ctx, credentials)
	if err == nil {
		err = actsFor(user, h)
	}
	if err != nil {
		return Caller{}, err
	}
	return Caller{User: user}, nil
}

// developer returns the user of that name in open mode.
func (a *Authenticator) developer(name string, h http.Header) (Caller, error) {
	switch {
	case !a.open:
		return Caller{}, fmt.Errorf("%w: %sUSER is accepted only while api.open is true", ErrUnauthorized, devPrefix)
	case !isUserID(name):
		return Caller{}, fmt.Errorf("%w: the user's name must have 1 to %d bytes, without control characters", ErrUnauthorized, maxUserID)
	}
	c := Caller{User: rollout.User{ID: name}, Open: true}
	attributes(&c.User, h)
	if err := actsFor(c.User, h); err != nil {
		return Caller{}, err
	}
	return c, nil
}

// find returns the API key with that text, or nil. All keys are compared, each in constant time.
func (a *Authenticator) find(text string) *serverKey {
	hash := sha256.Sum256([]byte(text))
	var found *serverKey
	for i := range a.keys {
		if subtle.ConstantTimeCompare(a.keys[i].hash[:], hash[:]) == 1 {
			found = &a.keys[i]
		}
	}
	return found
}

// caller returns the server, and for whom it acts.
func (k *serverKey) caller(h http.Header) (Caller, error) {
	c := Caller{Server: k.id, scopes: k.scopes}
	if values := h.Values(HeaderUser); len(values) > 0 {
		if len(values) > 1 || !isUserID(values[0]) {
			return Caller{}, fmt.Errorf("%w: %s must be one user's id of 1 to %d bytes, without control characters", ErrUnauthorized, HeaderUser, maxUserID)
		}
		c.User.ID = values[0]
		attributes(&c.User, h)
	}
	return c, nil
}
