package rtmp

import (
	"net"

	"golang.org/x/sys/unix"
)

// unread reports whether bytes wait in the connection's socket.
func unread(conn net.Conn) bool {
	for {
		switch c := conn.(type) {
		case interface{ NetConn() net.Conn }: // TLS, or a pausable connection
			conn = c.NetConn()
		case *net.TCPConn:
			raw, err := c.SyscallConn()
			if err != nil {
				return false
			}
			n := 0
			// After an error there is nothing to read.
			_ = raw.Control(func(fd uintptr) { n, err = unix.IoctlGetInt(int(fd), unix.TIOCINQ) })
			return err == nil && n > 0
		default:
			return false
		}
	}
}
