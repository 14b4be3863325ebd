// Package product tests golive as an app team uses it: users, stream keys, previews, the kill switch,
// webhooks and protected playback, with real encoders; a client that is generated from the API's
// document; and the commands that talk to the API.
//
// It does not know how golive works inside.
//
// It starts golive, its commands, Node.js, encoders and servers as processes, and goroutines that
// receive webhooks; each test waits for its own.
package product
