package audience

import (
	"hash/maphash"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// viewer is a number for who asks, the same at each request.
func (a *Audience) viewer(r *http.Request) uint64 {
	var h maphash.Hash
	h.SetSeed(a.seed)
	if session, ok := cmcdIn(r, cmcdSession).find("sid"); ok && session != "" {
		_, _ = h.WriteString(session)
		return h.Sum64()
	}
	_, _ = h.WriteString(a.address(r))
	_ = h.WriteByte('\n') // in neither
	if agent := r.Header["User-Agent"]; len(agent) > 0 {
		_, _ = h.WriteString(agent[0])
	}
	return h.Sum64()
}

// address is whence the request comes: behind our own proxies, as they say.
func (a *Audience) address(r *http.Request) string {
	peer := r.RemoteAddr
	if i := strings.LastIndexByte(peer, ':'); i >= 0 {
		peer = peer[:i] // without the port
	}
	if len(a.proxies) == 0 || !a.trusts(strings.Trim(peer, "[]")) {
		return peer
	}
	// Each proxy adds at the end whom it was asked by; what stands before one that
	// we do not know, anybody may have written.
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

// trusts says whether text is the address of one of our proxies.
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
