package handshake

import "bytes"

// Protocol is the protocol of a connection's first bytes.
type Protocol string

// The protocols that are detected.
const (
	RTMP    Protocol = "rtmp"
	RTMPE   Protocol = "rtmpe" // encrypted RTMP, versions 6 and 8: refused
	TLS     Protocol = "tls"
	HTTP    Protocol = "http"
	Proxy   Protocol = "proxy" // the PROXY protocol of load balancers
	Unknown Protocol = "unknown"
)

// Sniff returns the protocol for the first bytes of a connection, at least one.
func Sniff(first []byte) Protocol {
	switch first[0] {
	case version:
		return RTMP
	case 6, 8, 9:
		return RTMPE
	case 0x16: // a handshake record (RFC 8446 section 5.1)
		return TLS
	case '\r': // version 2 of the PROXY protocol begins with empty lines
		return Proxy
	}
	if bytes.HasPrefix(first, []byte("PROXY ")) {
		return Proxy
	}
	for _, method := range []string{"GET ", "HEAD ", "POST ", "PUT ", "DELETE ", "CONNECT ", "OPTIONS ", "PATCH ", "TRACE ", "PRI "} {
		if bytes.HasPrefix(first, []byte(method)) {
			return HTTP
		}
	}
	return Unknown
}
