package audience

import (
	"hash/maphash"
	"net/http"
	"net/netip"
	"slices"
	"strings"
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
	peer := r.RemoteAddr
	if i := strings.LastIndexByte(peer, ':'); i >= 0 {
		peer = peer[:i] // without the port
	}
	if len(a.proxies) == 0 || !a.trusts(strings.Trim(peer, "[]")) {
		return peer
	}
	// Each proxy appends the address of its client. Anyone may have written those before one
	// that is not trusted.
	hops := strings.Split(strings.Join(r.Header["X-Forwarded-For"], ","), ",")
	for _, hop := range slices.Backward(hops) {
		if hop = strings.TrimSpace(hop); hop != "" {
			peer = hop
			if !a.trusts(hop) {
				break
			}
		}
	}
	return peer
}

// trusts reports whether text is the address of a trusted proxy.
func (a *Audience) trusts(text string) bool {
	address, err := netip.ParseAddr(text)
	if err != nil {
		return false
	}
	address = address.Unmap().WithZone("")
	for _, p := range a.proxies {
		if p.Contains(address) {
			return true
		}
	}
	return false
}
