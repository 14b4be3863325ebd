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

// Door decides who may publish what, and shows the admitted to the Stage. It may
// be used by many goroutines.
type Door struct {
	stage Stage
	log   *slog.Logger
	rules atomic.Pointer[rules]
}

// rules is an immutable list of keys; nil means that the door is open.
type rules struct {
	keys []key
}

type key struct {
	id     string
	secret setting.Secret
}

// NewDoor reads the key files that cfg names. A door that opens to anybody says
// so loudly.
func NewDoor(cfg PublishConfig, stage Stage, log *slog.Logger) (*Door, error) {
	d := &Door{stage: stage, log: log}
	d.rules.Store(&rules{})
	if err := d.Reload(cfg); err != nil {
		return nil, err
	}
	return d, nil
}

// Reload replaces the keys. Who is publishing goes on. After an error the old
// keys are in force.
func (d *Door) Reload(cfg PublishConfig) error {
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
		d.rules.Store(&next)
		return nil
	}
	if d.rules.Swap(nil) != nil {
		d.log.Warn("publishing is open to anybody: set ingest.publish.open to false and add keys before this server meets the internet")
	}
	return nil
}

// Admit lets the peer publish, or refuses with an error that wraps one of the
// refusals. The Stage sees the broadcast's id in the place of the Name, which
// may be a secret.
func (d *Door) Admit(ctx context.Context, req Request, evict context.CancelCauseFunc) (Admission, error) {
	name, err := StreamName(req.App, req.Name)
	if err != nil {
		return Admission{}, err
	}
	id, err := d.identify(name)
	if err != nil {
		return Admission{}, err
	}
	req.Name = id
	sink, err := d.stage.Publish(ctx, id, Publisher{Request: req, Evict: evict})
	if err != nil {
		return Admission{}, err
	}
	return Admission{ID: id, Sink: sink}, nil
}

// identify is the broadcast that name stands for: itself at an open door, else
// the one whose key it is. All keys are compared, each in constant time, so that
// the time taken says nothing about any.
func (d *Door) identify(name string) (string, error) {
	r := d.rules.Load()
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
