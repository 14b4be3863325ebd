package api

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"

	"golive/registry"
)

// derivedID returns the id of a broadcast, and its stream key, for a request with an Idempotency-Key;
// without one both are random. The id is a hash of it, so that nothing is made twice, and the key depends
// on the request too, so that only the same request is told the key again; neither the key nor the
// Idempotency-Key is kept for that.
func (a *API) derivedID(owner, idempotencyKey, request string) (id, key string) {
	sum := sha256.Sum256(joined("broadcast", owner, idempotencyKey))
	return registry.IDOf(sum), a.derivedKey("create", owner, idempotencyKey, request)
}

// derivedKey returns a stream key that follows from the fields and the API's secret.
func (a *API) derivedKey(fields ...string) string {
	h := hmac.New(sha256.New, a.Secret)
	h.Write(joined(fields...))
	return registry.StreamKeyOf([sha256.Size]byte(h.Sum(nil)))
}

// joined returns the fields with their lengths, so that no two lists are the same bytes.
func joined(fields ...string) []byte {
	var all []byte
	for _, f := range fields {
		all = binary.AppendUvarint(all, uint64(len(f)))
		all = append(all, f...)
	}
	return all
}
