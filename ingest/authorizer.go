package ingest

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync/atomic"

	"golive/internal/setting"
)

// Admission is the result of admitting a peer.
type Admission struct {
	// ID is the broadcast's public name.
	ID string
	// Sink receives the peer's access units.
	Sink Sink
}

// Keys finds the broadcasts of stream keys that were issued while the server runs. It answers from
// memory.
type Keys interface {
	// Lookup returns the id of the broadcast that name is a key of. It returns false when name
	// is no key, and may be the id of a broadcast that anybody may publish. The error, which
	// does not repeat name, wraps ErrUnauthorized for a key that is not valid, or for the id of
	// a broadcast that has a key; ErrEnded for the key of a broadcast that has ended; and
	// ErrUnavailable when this is not known now.
	Lookup(name string) (id string, found bool, err error)
}

// Authorizer checks who may publish which broadcast, and passes admitted peers to a
// PublishHandler. It may be used by many goroutines.
type Authorizer struct {
	// Keys are the issued keys; nil is none. It is set before the first Admit.
	Keys Keys

	handler PublishHandler
	log     *slog.Logger
	rules   atomic.Pointer[rules]
}

// rules is an immutable list of keys; nil allows anybody to publish.
type rules struct {
	keys []key
}

type key struct {
	id     string
	secret setting.Secret
}

// NewAuthorizer returns an Authorizer for cfg, reading its key files. It logs a warning if
// anybody may publish.
func NewAuthorizer(cfg PublishConfig, handler PublishHandler, log *slog.Logger) (*Authorizer, error) {
	a := &Authorizer{handler: handler, log: log}
	a.rules.Store(&rules{})
	if err := a.Reload(cfg); err != nil {
		return nil, err
	}
	return a, nil
}

// Reload replaces the keys. Current publishers are not affected. After an error the old
// keys stay in force.
func (a *Authorizer) Reload(cfg PublishConfig) error {
	var next rules
	for i, k := range cfg.Keys {
		secret := k.Key
		if k.KeyFile != "" {
			text, err := os.ReadFile(k.KeyFile)
			if err != nil {
				return fmt.Errorf("publish.keys[%d].key_file: %w", i, err)
			}
			secret = setting.NewSecret(strings.TrimSpace(string(text)))
			if err := checkKey(secret); err != nil {
				return fmt.Errorf("publish.keys[%d].key_file: %s: %w", i, k.KeyFile, err)
			}
		}
		next.keys = append(next.keys, key{id: k.ID, secret: secret})
	}
	if !cfg.Open {
		a.rules.Store(&next)
		return nil
	}
	if a.rules.Swap(nil) != nil {
		a.log.Warn("publishing is open to anybody: set ingest.publish.open to false and add keys before this server is reachable from the internet")
	}
	return nil
}

// Admit admits the peer, or returns an error that wraps one of the refusals. The
// PublishHandler gets the broadcast's id in place of App and Name, which may be a secret.
func (a *Authorizer) Admit(ctx context.Context, req Request, evict context.CancelCauseFunc) (Admission, error) {
	name, err := StreamName(req.App, req.Name)
	if err != nil {
		return Admission{}, err
	}
	id, issued, err := a.identify(name)
	if err != nil {
		return Admission{}, err
	}
	if req.Broadcast != "" && req.Broadcast != id {
		return Admission{}, fmt.Errorf("%w for this broadcast", ErrUnauthorized)
	}
	if id != name {
		req.App = ""
	}
	req.Name = id
	sink, err := a.handler.Publish(ctx, id, Publisher{Request: req, Issued: issued, Evict: evict})
	if err != nil {
		return Admission{}, err
	}
	if issued {
		// The key may have become invalid since it was checked. Whoever makes it invalid from
		// now on finds the publisher.
		if _, _, err := a.identify(name); err != nil {
			sink.Close(err)
			return Admission{}, err
		}
	}
	return Admission{ID: id, Sink: sink}, nil
}

// identify returns the id of the broadcast for name: that of the configured key that name is, else
// that of the issued key, which sets issued, else name itself if anybody may publish.
func (a *Authorizer) identify(name string) (id string, issued bool, err error) {
	r := a.rules.Load()
	if id, found := r.find(name); found {
		return id, false, nil
	}
	if a.Keys != nil {
		id, found, err := a.Keys.Lookup(name)
		switch {
		case err != nil:
			return "", false, err
		case found:
			return id, true, CheckID(id)
		}
	}
	if r != nil {
		return "", false, ErrUnauthorized
	}
	return name, false, CheckID(name)
}

// find returns the id of the key that name is. All keys are compared, each in constant time, so
// that the time taken reveals nothing about a key.
func (r *rules) find(name string) (id string, found bool) {
	if r == nil {
		return "", false
	}
	for _, k := range r.keys {
		if k.secret.Equal(name) {
			id, found = k.id, true
		}
	}
	return id, found
}
