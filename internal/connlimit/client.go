package connlimit

import (
	"net/netip"
	"slices"
	"strings"
)

// Client returns the address that a request comes from, whose peer is remote (HOST:PORT): behind
// trusted proxies, the one that the values of X-Forwarded-For name. It is the zero Addr if remote is no
// address.
func Client(remote string, forwarded []string, trusted []netip.Prefix) netip.Addr {
	at, err := netip.ParseAddrPort(remote)
	if err != nil {
		return netip.Addr{}
	}
	peer := at.Addr().Unmap().WithZone("")
	if !Contains(trusted, peer) {
		return peer
	}
	// Each proxy appends the address of its client. Anyone may have written those before one that is not
	// trusted.
	hops := strings.Split(strings.Join(forwarded, ","), ",")
	for _, hop := range slices.Backward(hops) {
		address, err := netip.ParseAddr(strings.TrimSpace(hop))
		if err != nil {
			break
		}
		peer = address.Unmap().WithZone("")
		if !Contains(trusted, peer) {
			break
		}
	}
	return peer
}
