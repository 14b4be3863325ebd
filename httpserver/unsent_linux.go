package httpserver

import (
	"net"
	"syscall"
)

// tcpNotSentLowAt is TCP_NOTSENT_LOWAT of <linux/tcp.h>, which package syscall lacks.
const tcpNotSentLowAt = 25

// mostUnsent is how much a socket takes in that the viewer's window has no room
// for yet. Left alone it takes in megabytes: ten thousand viewers that do not read
// use up what the system has for all sockets, and every viewer has to wait. What is
// on its way is not counted, so this slows down nobody.
const mostUnsent = 64 << 10

// boundUnsent limits what a socket takes in. It cannot be set once for the listener,
// which is one of Multipath TCP.
func boundUnsent(c net.Conn) {
	tcp, ok := c.(*net.TCPConn)
	if !ok {
		return
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return // it is closed already
	}
	// A system that refuses serves as well, but for what it may have to hold.
	_ = raw.Control(func(fd uintptr) { _ = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, tcpNotSentLowAt, mostUnsent) })
}
