package registry

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// maxRecordName bounds the name of a broadcast or a channel, in bytes.
const maxRecordName = 128

// isRecordName reports whether a broadcast or a channel can be named so.
func isRecordName(name string) bool {
	if name == "" || len(name) > maxRecordName || name[0] == '.' {
		return false
	}
	for _, c := range []byte(name) {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '_', c == '-', c == '.':
		default:
			return false
		}
	}
	return true
}

// write is what is to be written in place of a revision: a value, or nothing.
type write struct {
	value    []byte
	revision uint64 // 0 when nothing is to be done
	ttl      time.Duration
}

// create writes the record of a name that has none.
func (r *Registry) create(ctx context.Context, records *store, kind, name string, w write) error {
	if !isRecordName(name) {
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
	return r.catalog.update(key, w.value, revision, false)
}

// update writes what next returns for a name, and asks next again when another node wrote first.
func (r *Registry) update(ctx context.Context, records *store, kind, name string, next func() (write, error)) error {
	if !isRecordName(name) {
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
	var revision uint64
	if w.value == nil {
		err = records.remove(ctx, key, w.revision, markerTTL)
	} else {
		revision, err = records.put(ctx, key, w.value, w.revision, w.ttl)
	}
	switch {
	case isConflict(err):
		return err
	case err != nil:
		return notWritten(err)
	case w.value != nil:
		return r.catalog.update(key, w.value, revision, false)
	}
	r.catalog.changeTable(key, func(t *recordTable) { t.remove(key, w.revision) })
	return nil
}

// reread asks the registry for a key.
func (r *Registry) reread(ctx context.Context, records *store, key string) error {
	entry, err := records.get(ctx, key)
	if err != nil {
		return notWritten(err)
	}
	if entry != nil {
		return r.catalog.update(key, entry.Value(), entry.Revision(), false)
	}
	r.catalog.changeTable(key, func(t *recordTable) {
		if known := t.revision(key); known > 0 {
			t.remove(key, known)
		}
	})
	return nil
}
