package web

import (
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
)

// publishServer returns the server URL for OBS: the name in the request's Host, with the
// port of RTMP instead of HTTP.
func publishServer(host string, port int) string {
	name := hostName(host)
	if port != 1935 {
		name += ":" + strconv.Itoa(port)
	}
	return "rtmp://" + name + "/live"
}

// publicBase returns the scheme and host that the visitor sees, for addresses that other sites
// read. A proxy tells whether it has TLS; a page that is told wrongly is only the client's own.
func publicBase(r *http.Request) string {
	scheme := "http://"
	if r.TLS != nil || r.Header.Get("X-Forwarded-Proto") == "https" {
		scheme = "https://"
	}
	host := hostName(r.Host)
	if _, port, err := net.SplitHostPort(r.Host); err == nil {
		if n, err := strconv.ParseUint(port, 10, 16); err == nil {
			host += ":" + strconv.FormatUint(n, 10)
		}
	}
	return scheme + host
}

// hostName returns the name or address in a Host header, an IPv6 address in brackets.
// The name ends up in a command line that people paste into a shell, so whatever
// is neither a DNS name nor an address becomes "localhost".
func hostName(host string) string {
	name := host
	if h, _, err := net.SplitHostPort(host); err == nil {
		name = h
	}
	name = strings.TrimSuffix(strings.TrimPrefix(name, "["), "]")
	if ip, err := netip.ParseAddr(name); err == nil {
		if ip.Is6() {
			return "[" + ip.WithZone("").String() + "]"
		}
		return ip.String()
	}
	if !isDNSName(name) {
		return "localhost"
	}
	return name
}

// isDNSName accepts letters, digits, "-", "_" and "." with at most 253 characters,
// beginning with a letter or digit (RFC 1123 section 2.1, and the underscore that
// local networks use).
func isDNSName(s string) bool {
	if s == "" || len(s) > 253 || !isAlphanumeric(s[0]) {
		return false
	}
	for i := range len(s) {
		if c := s[i]; !isAlphanumeric(c) && c != '-' && c != '_' && c != '.' {
			return false
		}
	}
	return true
}

func isAlphanumeric(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}
