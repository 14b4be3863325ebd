//go:build !linux

package httpserver

import "net"

// boundUnsent does nothing: only Linux lets golive say how much a socket takes in.
func boundUnsent(net.Conn) {}
