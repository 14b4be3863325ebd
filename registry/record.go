package registry

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/hex"
	"strings"
	"time"
)

// Broadcast is the record of one broadcast: what is known of it before it begins, and on all nodes
// while it lasts.
type Broadcast struct {
	// ID is the broadcast's public name.
	ID string `json:"id"`
	// Channel is the permanent name under which it is watched, and Owner the id of the user who
	// made it; each may be empty. A broadcast without an owner was published without the API.
	Channel string `json:"channel,omitempty"`
	Owner   string `json:"owner,omitempty"`
	Details
	Times
	State State `json:"state"`
	// Key is the hash of its stream key (HashKey); empty when none may be used.
	Key string `json:"key,omitempty"`
	// Generation is that of its playback tokens: those of an earlier one are not valid any more.
	Generation int `json:"generation,omitempty"`
	// End is true once it was asked to end: the node that has it ends it.
	End bool `json:"end,omitempty"`
	// Events is the number of events so far.
	Events uint64 `json:"events,omitempty"`

	notes    []note // the events that are not in the stream of events yet; never changed in place
	revision uint64
}

// IsHidden reports whether only its owner may know of the broadcast: others need a playback token.
func (b *Broadcast) IsHidden() bool { return b.Visibility == Private || b.Preview }

// Details are what the owner decides.
type Details struct {
	Title      string     `json:"title,omitempty"`
	Visibility Visibility `json:"visibility,omitempty"`
	// Preview is true until the owner publishes the broadcast: until then nobody else can
	// watch it.
	Preview bool `json:"preview,omitempty"`
	// Test is true for a trial: it is not listed, and short.
	Test           bool      `json:"test,omitempty"`
	ScheduledStart time.Time `json:"scheduled_start,omitzero"`
}

// Times are when the record was made, when the broadcast could be watched first, and when it ended;
// each is zero before.
type Times struct {
	Created time.Time `json:"created"`
	Started time.Time `json:"started,omitzero"`
	Ended   time.Time `json:"ended,omitzero"`
}

// State is where a broadcast is in its life.
type State string

// The states, in the order of life.
const (
	// Created: it was announced, and nothing was published yet.
	Created State = "created"
	// Starting: a publisher was admitted, nothing can be watched yet.
	Starting State = "starting"
	// Live: there is a playlist and a publisher.
	Live State = "live"
	// Reconnecting: the publisher vanished, its return is awaited.
	Reconnecting State = "reconnecting"
	// Ended: it is over. Its stream key admits nobody any more.
	Ended State = "ended"
)

// Visibility is who may watch a broadcast.
type Visibility string

// The visibilities. An empty one is Public.
const (
	// Public broadcasts are listed.
	Public Visibility = "public"
	// Unlisted broadcasts can be watched by anybody who knows the address.
	Unlisted Visibility = "unlisted"
	// Private broadcasts can be watched with a playback token only.
	Private Visibility = "private"
)

// Channel is the record of a permanent name.
type Channel struct {
	Name  string `json:"name"`
	Owner string `json:"owner"`
	// Key is the hash of the channel's lasting stream key; empty when there is none. Each time
	// it is used after the end of a broadcast, another broadcast of the channel begins.
	Key     string    `json:"key,omitempty"`
	Created time.Time `json:"created"`

	revision uint64
}

// keyPrefix begins every stream key that NewStreamKey makes, so that a key is told from a
// broadcast's id.
const keyPrefix = "gl_"

// The numbers of characters, of 5 bits each, of an id and of a stream key after its prefix.
const (
	idLength  = 16
	keyLength = 26
)

// NewID returns an id for a broadcast, with 80 random bits.
func NewID() string { return strings.ToLower(rand.Text()[:idLength]) }

// IDOf returns the id that follows from a hash.
func IDOf(sum [sha256.Size]byte) string { return encode32(sum)[:idLength] }

// NewStreamKey returns a secret with 130 random bits.
func NewStreamKey() string { return keyPrefix + strings.ToLower(rand.Text()[:keyLength]) }

// StreamKeyOf returns the stream key that follows from a secret hash.
func StreamKeyOf(sum [sha256.Size]byte) string { return keyPrefix + encode32(sum)[:keyLength] }

func encode32(sum [sha256.Size]byte) string {
	return strings.ToLower(base32.StdEncoding.EncodeToString(sum[:]))
}

// IsStreamKey reports whether text has the form of a key that NewStreamKey made.
func IsStreamKey(text string) bool { return strings.HasPrefix(text, keyPrefix) }

// HashKey returns what is stored of a stream key, from which it cannot be told: SHA-256 is enough
// for a secret of so many random bits.
func HashKey(key string) string {
	sum := sha256.Sum256([]byte(key))
	return hex.EncodeToString(sum[:])
}
