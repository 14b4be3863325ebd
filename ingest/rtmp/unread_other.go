//go:build !linux

package rtmp

import "net"

// unread reports whether bytes wait in the connection's socket, where that can be known.
func unread(net.Conn) bool { return false }
