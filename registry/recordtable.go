package registry

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
)

// channelKeys is how the keys of channels begin in the record bucket; those of broadcasts begin
// as in the lease bucket.
const channelKeys = "channel."

// errDamaged is the error for a record that cannot be read.
var errDamaged = errors.New("the record is damaged")

// recordTable is what the watch of the record bucket has delivered, and this node has written.
// Nothing in it is changed, but replaced.
type recordTable struct {
	broadcasts map[string]*Broadcast // by id
	channels   map[string]*Channel   // by name
	keys       map[string]any        // *Broadcast or *Channel, by the hash of its stream key
	all        ordered
	active     ordered // without those that have ended
	owners     index
	byChannel  index
	noted      map[string]*Broadcast // those with events that are not published, by id
	// protections has a protection for each broadcast that not everybody may watch, by id.
	protections *sync.Map
	// removed has the revisions of what this node has removed, by key, until the watch delivers
	// that.
	removed map[string]uint64
}

func newRecordTable() recordTable {
	return recordTable{
		broadcasts: map[string]*Broadcast{}, channels: map[string]*Channel{}, keys: map[string]any{},
		owners: index{}, byChannel: index{}, noted: map[string]*Broadcast{}, protections: &sync.Map{}, removed: map[string]uint64{},
	}
}

// storedBroadcast is the value of a broadcast's key.
type storedBroadcast struct {
	*Broadcast
	Notes []note `json:"notes,omitempty"`
}

func encodeBroadcast(b Broadcast) []byte { return encode(storedBroadcast{&b, b.notes}) }

// decodeBroadcast reads the record of a key. Unknown fields are ignored: those of a later
// version of golive are lost when this one changes the record.
func decodeBroadcast(key string, value []byte, revision uint64) (*Broadcast, error) {
	b := &Broadcast{}
	v := storedBroadcast{Broadcast: b}
	if err := json.Unmarshal(value, &v); err != nil {
		return nil, fmt.Errorf("%w: %w", errDamaged, err)
	}
	if b.ID == "" || keyOf(broadcastKeys, b.ID) != key {
		return nil, fmt.Errorf("%w: it is that of %q", errDamaged, b.ID)
	}
	if err := normalize(b); err != nil {
		return nil, fmt.Errorf("%w: %w", errDamaged, err)
	}
	b.notes, b.revision = v.Notes, revision
	return b, nil
}

// decodeChannel reads the record of a channel's key.
func decodeChannel(key string, value []byte, revision uint64) (*Channel, error) {
	c := &Channel{}
	if err := json.Unmarshal(value, c); err != nil {
		return nil, fmt.Errorf("%w: %w", errDamaged, err)
	}
	if c.Name == "" || keyOf(channelKeys, c.Name) != key {
		return nil, fmt.Errorf("%w: it is that of %q", errDamaged, c.Name)
	}
	if c.Created = c.Created.UTC(); c.Created.Year() < 0 || c.Created.Year() > 9999 {
		return nil, fmt.Errorf("%w: %w", errDamaged, errBadTime)
	}
	c.revision = revision
	return c, nil
}

// revision returns the newest revision of a key that is known.
func (t *recordTable) revision(key string) uint64 {
	if kind, name := splitKey(key); kind == channelKeys {
		if c := t.channels[name]; c != nil {
			return c.revision
		}
	} else if b := t.broadcasts[name]; b != nil {
		return b.revision
	}
	return t.removed[key]
}

// splitKey is the reverse of keyOf.
func splitKey(key string) (kind, name string) {
	end := strings.IndexByte(key, '.') + 1
	return key[:end], strings.ReplaceAll(key[end:], "=", ".")
}

// written is what a key has from a revision on: a broadcast, a channel, or neither.
type written struct {
	key       string
	revision  uint64
	broadcast *Broadcast
	channel   *Channel
}

// decode reads the value that a key has from a revision on. Those of a
// later version are ignored.
func decode(key string, value []byte, revision uint64, gone bool) (w written, err error) {
	kind, _ := splitKey(key)
	if kind != channelKeys && kind != broadcastKeys {
		return written{}, nil
	}
	w = written{key: key, revision: revision}
	switch {
	case gone:
	case kind == channelKeys:
		w.channel, err = decodeChannel(key, value, revision)
	default:
		w.broadcast, err = decodeBroadcast(key, value, revision)
	}
	return w, err
}

// set replaces what a key has, unless a newer revision is known.
func (t *recordTable) set(w written) {
	if w.revision <= t.revision(w.key) {
		return
	}
	if kind, name := splitKey(w.key); kind == channelKeys {
		t.replaceChannel(name, w.channel)
	} else {
		t.replaceBroadcast(name, w.broadcast)
	}
	delete(t.removed, w.key)
}

// remove removes what this node has removed at a revision.
func (t *recordTable) remove(key string, revision uint64) {
	if t.revision(key) != revision {
		return
	}
	if kind, name := splitKey(key); kind == channelKeys {
		t.replaceChannel(name, nil)
	} else {
		t.replaceBroadcast(name, nil)
	}
	t.removed[key] = revision
}

// replaceBroadcast sets the record of an id; nil is none.
func (t *recordTable) replaceBroadcast(id string, b *Broadcast) {
	t.protect(id, b)
	if old := t.broadcasts[id]; old != nil {
		// A list replaces what has the same place in it.
		same := b != nil && placeOf(old).compare(placeOf(b)) == 0
		if !same {
			t.all.remove(old)
		}
		if !same || b.State == Ended {
			t.active.remove(old)
		}
		if !same || b.Owner != old.Owner {
			t.owners.remove(old.Owner, old)
		}
		if !same || b.Channel != old.Channel {
			t.byChannel.remove(old.Channel, old)
		}
		if t.keys[old.Key] == any(old) {
			delete(t.keys, old.Key)
		}
		delete(t.broadcasts, id)
		delete(t.noted, id)
	}
	if b == nil {
		return
	}
	t.broadcasts[id] = b
	t.all.put(b)
	if b.State != Ended {
		t.active.put(b)
	}
	t.owners.put(b.Owner, b)
	t.byChannel.put(b.Channel, b)
	if b.Key != "" {
		t.keys[b.Key] = b
	}
	if len(b.notes) > 0 {
		t.noted[id] = b
	}
}

// replaceChannel sets the record of a name; nil is none.
func (t *recordTable) replaceChannel(name string, c *Channel) {
	if old := t.channels[name]; old != nil {
		if t.keys[old.Key] == any(old) {
			delete(t.keys, old.Key)
		}
		delete(t.channels, name)
	}
	if c == nil {
		return
	}
	t.channels[name] = c
	if c.Key != "" {
		t.keys[c.Key] = c
	}
}

// Filter selects broadcasts. Its zero value selects all.
type Filter struct {
	// State, Owner, Channel and Visibility are what the broadcasts have; empty is any.
	State      State
	Owner      string
	Channel    string
	Visibility Visibility
	// Active leaves out what has ended.
	Active bool
	// Listed leaves out what only those find who know the address: what is unlisted, private, in
	// preview or a trial.
	Listed bool
	// After is the cursor that came with the page before; empty for the first one.
	After string
	// Limit is how many broadcasts a page has at most; 0 is 100.
	Limit int
}

// defaultLimit is how many broadcasts a page has unless the filter says.
const defaultLimit = 100

// ValidCursor reports whether text has the form of a cursor.
func ValidCursor(text string) bool {
	_, ok := parseCursor(text)
	return ok
}

// matches reports whether the filter selects b.
func (f *Filter) matches(b *Broadcast) bool {
	visibility := b.Visibility
	if visibility == "" {
		visibility = Public
	}
	switch {
	case f.State != "" && b.State != f.State,
		f.Owner != "" && b.Owner != f.Owner,
		f.Channel != "" && b.Channel != f.Channel,
		f.Visibility != "" && visibility != f.Visibility,
		f.Active && b.State == Ended,
		f.Listed && (visibility != Public || b.Preview || b.Test):
		return false
	}
	return true
}

// list returns the broadcasts that f selects, newest first, and the cursor of the page after
// that; empty when there is none.
func (t *recordTable) list(f Filter) (page []Broadcast, next string) {
	if f.Limit <= 0 {
		f.Limit = defaultLimit
	}
	var from *ordered
	switch {
	case f.Owner != "":
		from = t.owners[f.Owner]
	case f.Channel != "":
		from = t.byChannel[f.Channel]
	case f.Active, f.State != "" && f.State != Ended:
		from = &t.active
	default:
		from = &t.all
	}
	if from == nil {
		return nil, ""
	}
	i := len(from.list)
	if f.After != "" {
		p, ok := parseCursor(f.After)
		if !ok {
			return nil, ""
		}
		i, _ = from.find(p)
	}
	for i--; i >= 0; i-- {
		b := from.list[i]
		if !f.matches(b) {
			continue
		}
		if len(page) == f.Limit {
			return page, placeOf(&page[len(page)-1]).cursor()
		}
		page = append(page, *b)
	}
	return page, ""
}
