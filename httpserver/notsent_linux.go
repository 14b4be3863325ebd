package httpserver

import (
	"net"
	"syscall"
)

// tcpNotSentLowAt is TCP_NOTSENT_LOWAT of <linux/tcp.h>, which package syscall lacks.
const tcpNotSentLowAt = 25

// maxUnsent is how many bytes a socket buffers for which the viewer's window has no room yet.
// The default is megabytes: ten thousand viewers that do not read would use up the memory
// for all sockets, and every viewer would have to wait. Bytes in flight are not counted, so
// this slows down no viewer.
const maxUnsent = 64 << 10

// limitUnsent sets the limit maxUnsent. It cannot be set once for the listener, which
// is one of Multipath TCP.
func limitUnsent(c net.Conn) {
	tcp, ok := c.(*net.TCPConn)
	if !ok {
		return
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return // it is closed already
	}
	// A system that refuses works as well, with larger buffers.
	_ = raw.Control(func(fd uintptr) { _ = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, tcpNotSentLowAt, maxUnsent) })
}
