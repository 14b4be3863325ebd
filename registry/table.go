package registry

import (
	"encoding/json"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// The keys of the lease bucket begin with what they are of.
const (
	nodeKeys      = "node."
	broadcastKeys = "broadcast."
	taskKeys      = "task."
)

// keyOf returns the key of a name, in which a key of NATS cannot have every dot. No name
// has "=".
func keyOf(kind, name string) string { return kind + strings.ReplaceAll(name, ".", "=") }

// identity is one run of a node.
type identity struct {
	Node    string `json:"node"`
	Session string `json:"session"`
}

// session is the value of a node's key.
type session struct {
	ID  string `json:"session"`
	URL string `json:"url,omitempty"`

	revision uint64
	updated  time.Time // when the watch last delivered it
}

// record is the value of a lease's key.
type record struct {
	identity
	URL string `json:"url,omitempty"`
	// Epoch grows each time the lease changes hands.
	Epoch uint64 `json:"epoch"`
	// Open is true when another node may take the lease: the broadcast has no publisher, or
	// one that is silent.
	Open bool `json:"open,omitempty"`
	// From is the owner before, until it has stored all that it has left of the broadcast.
	From *identity `json:"from,omitempty"`

	revision uint64
}

func (r *record) node() Node { return Node{Name: r.Node, URL: r.URL} }

// encode returns v, a session or a record, as it is stored.
func encode(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic("registry: value cannot be written: " + err.Error())
	}
	return b
}

// table is what the watch has delivered. Revisions of a key only grow: the answer to a write
// may come before the watch delivers it.
type table struct {
	nodes   map[string]session // by name
	records map[string]record  // by key
	newest  uint64             // revision
}

func newTable() table {
	return table{nodes: map[string]session{}, records: map[string]record{}}
}

// update sets the value that a key has now, and reports whether that is newer than before.
func (t *table) update(key string, value []byte, revision uint64, gone bool, now time.Time) bool {
	t.newest = max(t.newest, revision)
	if name, ok := strings.CutPrefix(key, nodeKeys); ok {
		name = strings.ReplaceAll(name, "=", ".")
		if revision < t.nodes[name].revision {
			return false
		}
		s := session{revision: revision, updated: now}
		if gone || json.Unmarshal(value, &s) != nil {
			delete(t.nodes, name)
			return true
		}
		s.revision, s.updated = revision, now
		t.nodes[name] = s
		return true
	}
	if revision < t.records[key].revision {
		return false
	}
	var r record
	if gone || json.Unmarshal(value, &r) != nil {
		delete(t.records, key)
		return true
	}
	r.revision = revision
	t.records[key] = r
	return true
}

func (t *table) updateEntry(e jetstream.KeyValueEntry, now time.Time) bool {
	return t.update(e.Key(), e.Value(), e.Revision(), e.Operation() != jetstream.KeyValuePut, now)
}

// alive reports whether that run of a node has a session.
func (t *table) alive(i identity) bool {
	s, ok := t.nodes[i.Node]
	return ok && s.ID == i.Session
}

// silent reports whether a node has missed its renewals while those of the node self came:
// when the watch itself stands still no node is silent.
func (t *table) silent(name, self string) bool {
	return t.nodes[self].updated.Sub(t.nodes[name].updated) > silentAfter
}
