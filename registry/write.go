package registry

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"time"
)

// recordName is what a broadcast or a channel can be named.
var recordName = regexp.MustCompile(`^[A-Za-z0-9_-][A-Za-z0-9_.-]{0,127}$`)

// write is what is to be written in place of a revision: a value, or nothing.
type write struct {
	value    []byte
	revision uint64 // 0 when nothing is to be done
	ttl      time.Duration
}

// create writes the record of a name that has none.
func (r *Registry) create(ctx context.Context, records *store, kind, name string, w write) error {
	if !recordName.MatchString(name) {
		return errBadName
	}
	key := keyOf(kind, name)
	if r.catalog.has(key) {
		return ErrExists
	}
	revision, err := records.put(ctx, key, w.value, 0, w.ttl)
	switch {
	case isConflict(err):
		return ErrExists
	case err != nil:
		return notWritten(err)
	}
	return r.catalog.changeTable(key, func(t *recordTable) error { return t.update(key, w.value, revision, false) })
}

// update writes what next returns for a name, and asks next again when another node wrote first.
func (r *Registry) update(ctx context.Context, records *store, kind, name string, next func() (write, error)) error {
	if !recordName.MatchString(name) {
		return ErrNoRecord
	}
	key, asked := keyOf(kind, name), false
	for range maxUpdates {
		w, err := next()
		switch {
		case errors.Is(err, ErrNoRecord) && !asked:
			// Another node may have just made it.
		case err != nil || w.revision == 0:
			return err
		default:
			if err = r.overwrite(ctx, records, key, w); err == nil || !isConflict(err) {
				return err
			}
		}
		if err := r.reread(ctx, records, key); err != nil {
			return err
		}
		asked = true
	}
	return fmt.Errorf("%w: other nodes write the record all the time", ErrAway)
}

// maxUpdates is how many writes of a record in a row may fail because another node wrote first.
const maxUpdates = 64

// overwrite writes a key, and changes the table accordingly.
func (r *Registry) overwrite(ctx context.Context, records *store, key string, w write) (err error) {
	change := func(t *recordTable) error { t.remove(key, w.revision); return nil }
	if w.value == nil {
		err = records.remove(ctx, key, w.revision, markerTTL)
	} else {
		var revision uint64
		revision, err = records.put(ctx, key, w.value, w.revision, w.ttl)
		change = func(t *recordTable) error { return t.update(key, w.value, revision, false) }
	}
	switch {
	case isConflict(err):
		return err
	case err != nil:
		return notWritten(err)
	}
	return r.catalog.changeTable(key, change)
}

// reread asks the registry for a key.
func (r *Registry) reread(ctx context.Context, records *store, key string) error {
	entry, err := records.get(ctx, key)
	if err != nil {
		return notWritten(err)
	}
	return r.catalog.changeTable(key, func(t *recordTable) error {
		if entry == nil {
			if known := t.revision(key); known > 0 {
				t.remove(key, known)
			}
			return nil
		}
		return t.updateEntry(entry)
	})
}
