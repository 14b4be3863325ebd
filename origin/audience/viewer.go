package audience

import (
	"hash/maphash"
	"net/http"
	"strings"

	"golive/internal/connlimit"
)

// viewer returns a hash of the sender of a request, the same for each of its requests.
func (a *Audience) viewer(r *http.Request) uint64 {
	var h maphash.Hash
	h.SetSeed(a.seed)
	if session, ok := cmcdIn(r, cmcdSession).find("sid"); ok && session != "" {
		_, _ = h.WriteString(session)
		return h.Sum64()
	}
	_, _ = h.WriteString(a.address(r))
	_ = h.WriteByte('\n') // occurs in neither
	if agent := r.Header["User-Agent"]; len(agent) > 0 {
		_, _ = h.WriteString(agent[0])
	}
	return h.Sum64()
}

// address returns the address that the request comes from: behind a trusted proxy, the one
// that X-Forwarded-For names.
func (a *Audience) address(r *http.Request) string {
	if len(a.proxies) > 0 {
		return connlimit.Client(r.RemoteAddr, r.Header["X-Forwarded-For"], a.proxies).String()
	}
	peer := r.RemoteAddr
	if i := strings.LastIndexByte(peer, ':'); i >= 0 {
		peer = peer[:i] // without the port
	}
	return peer
}
