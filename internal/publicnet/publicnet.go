package publicnet

import (
	"errors"
	"fmt"
	"net/netip"
	"syscall"
)

// ErrNotPublic is returned for a connection to an address that is not public.
var ErrNotPublic = errors.New("address is not public")

// Control is a net.Dialer's Control that refuses addresses that are not public. It sees the address
// after the name was resolved.
func Control(_, address string, _ syscall.RawConn) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("%q: %w", address, err)
	}
	if !Contains(at.Addr()) {
		return ErrNotPublic
	}
	return nil
}

// Contains reports whether the address is public. Of IPv6, that is global unicast, 2000::/3, without
// the networks that lead to IPv4 addresses (RFC 4380, RFC 3056) or nowhere (RFC 3849, RFC 9637); of
// IPv4, all but the special networks of RFC 6890.
func Contains(ip netip.Addr) bool {
	ip = ip.Unmap()
	if !ip.IsGlobalUnicast() || ip.IsPrivate() || ip.Zone() != "" {
		return false
	}
	special := []string{"2001::/23", "2002::/16", "2001:db8::/32", "3fff::/20"}
	if ip.Is4() {
		special = []string{
			"0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24",
			"198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "240.0.0.0/4",
		}
	} else if !netip.MustParsePrefix("2000::/3").Contains(ip) {
		return false
	}
	for _, s := range special {
		if netip.MustParsePrefix(s).Contains(ip) {
			return false
		}
	}
	return true
}
