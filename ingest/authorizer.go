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

// Admission is what an admitted peer gets.
type Admission struct {
	// ID is the broadcast's public name.
	ID string
	// Sink takes the peer's access units.
	Sink Sink
}

// Authorizer decides who may publish what, and hands the admitted to a PublishHandler.
// It may be used by many goroutines.
type Authorizer struct {
	handler PublishHandler
	log     *slog.Logger
	rules   atomic.Pointer[rules]
}

// rules is an immutable list of keys; nil lets anybody publish.
type rules struct {
	keys []key
}

type key struct {
	id     string
	secret setting.Secret
}

// NewAuthorizer reads the key files that cfg names. If anybody may publish, it logs
// a warning.
func NewAuthorizer(cfg PublishConfig, handler PublishHandler, log *slog.Logger) (*Authorizer, error) {
	a := &Authorizer{handler: handler, log: log}
	a.rules.Store(&rules{})
	if err := a.Reload(cfg); err != nil {
		return nil, err
	}
	return a, nil
}

// Reload replaces the keys. Who is publishing goes on. After an error the old
// keys are in force.
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
		a.log.Warn("publishing is open to anybody: set ingest.publish.open to false and add keys before this server meets the internet")
	}
	return nil
}

// Admit lets the peer publish, or refuses with an error that wraps one of the
// refusals. The PublishHandler sees the broadcast's id in the place of the Name, which
// may be a secret.
func (a *Authorizer) Admit(ctx context.Context, req Request, evict context.CancelCauseFunc) (Admission, error) {
	name, err := StreamName(req.App, req.Name)
	if err != nil {
		return Admission{}, err
	}
	id, err := a.identify(name)
	if err != nil {
		return Admission{}, err
	}
	req.Name = id
	sink, err := a.handler.Publish(ctx, id, Publisher{Request: req, Evict: evict})
	if err != nil {
		return Admission{}, err
	}
	return Admission{ID: id, Sink: sink}, nil
}

// identify is the broadcast that name stands for: itself where anybody may publish, else
// the one whose key it is. All keys are compared, each in constant time, so that
// the time taken says nothing about any.
func (a *Authorizer) identify(name string) (string, error) {
	r := a.rules.Load()
	if r == nil {
		return name, CheckID(name)
	}
	id, found := "", false
	for _, k := range r.keys {
		if k.secret.Equal(name) {
			id, found = k.id, true
		}
	}
	if !found {
		return "", ErrUnauthorized
	}
	return id, nil
}
