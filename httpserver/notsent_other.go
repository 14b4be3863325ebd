//go:build !linux

package httpserver

import "net"

// limitUnsent does nothing: only Linux has TCP_NOTSENT_LOWAT per socket.
func limitUnsent(net.Conn) {}
