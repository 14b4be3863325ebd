// Package playtoken signs and verifies playback tokens: who has one may watch one broadcast until a
// given time.
//
// A token is a JWT (RFC 7519) signed with Ed25519 (EdDSA, RFC 8037). A Signer makes one for the
// path of a broadcast's media; a Verifier, which needs the public key alone, checks it. Keys are
// read from PEM files.
//
// Package playtoken does not know of requests or broadcasts, nor who should get a token.
//
// It starts no goroutine.
package playtoken
