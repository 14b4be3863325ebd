package connlimit

import (
	"net"
	"net/netip"
	"slices"
)

// addressOf returns a peer's IP address, or the zero Addr if it has none.
func addressOf(remote net.Addr) netip.Addr {
	tcp, ok := remote.(*net.TCPAddr)
	if !ok {
		return netip.Addr{}
	}
	return tcp.AddrPort().Addr().Unmap().WithZone("")
}

// Network returns the network that counts as the peer's address; see NetworkOf.
func Network(remote net.Addr) netip.Prefix { return NetworkOf(addressOf(remote)) }

// NetworkOf returns the network that counts as one address: an IPv4 address, or the /64 of
// an IPv6 subscriber. All invalid addresses count as one.
func NetworkOf(a netip.Addr) netip.Prefix {
	a = a.Unmap().WithZone("")
	bits := 64
	if a.Is4() {
		bits = 32
	}
	network, err := a.Prefix(bits)
	if err != nil {
		return netip.Prefix{}
	}
	return network
}

// Contains reports whether a is in one of the networks.
func Contains(networks []netip.Prefix, a netip.Addr) bool {
	return slices.ContainsFunc(networks, func(n netip.Prefix) bool { return n.Contains(a) })
}
