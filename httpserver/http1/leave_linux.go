package http1

import (
	"errors"
	"fmt"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// leavers hears of clients whose connections break while their requests wait. The
// system is told once of each connection, and then tells of its end by itself: see
// EPOLLHUP and EPOLLERR in epoll_ctl(2), which need not be asked for. A request costs
// nothing for it, and no goroutine.
//
// That a client sends nothing more (EPOLLRDHUP) is no end: it may have closed its half
// and read the answer (RFC 9112 section 9.6 has servers do the same).
type leavers struct {
	file  *os.File
	epoll syscall.RawConn
}

func newLeavers() (*leavers, error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("epoll_create1: %w", err)
	}
	// The runtime waits for it as for any other descriptor, if it does not block.
	if err := unix.SetNonblock(fd, true); err != nil {
		return nil, errors.Join(err, unix.Close(fd))
	}
	l := &leavers{file: os.NewFile(uintptr(fd), "epoll")}
	if l.epoll, err = l.file.SyscallConn(); err != nil {
		return nil, errors.Join(err, l.file.Close())
	}
	return l, nil
}

// watch asks for the end of c, which is id from here on. The system forgets a
// connection that is closed.
func (l *leavers) watch(c syscall.RawConn, id uint64) error {
	event := unix.EpollEvent{Events: unix.EPOLLET, Fd: int32(id), Pad: int32(id >> 32)}
	var failed error
	err := c.Control(func(fd uintptr) {
		err := l.epoll.Control(func(epoll uintptr) {
			failed = unix.EpollCtl(int(epoll), unix.EPOLL_CTL_ADD, int(fd), &event)
		})
		failed = errors.Join(failed, err)
	})
	return errors.Join(err, failed)
}

// run calls left for each watched connection that ends, until the leavers are closed.
func (l *leavers) run(left func(id uint64)) {
	events := make([]unix.EpollEvent, 128)
	// It ends with an error, as reading from a closed file does.
	_ = l.epoll.Read(func(epoll uintptr) bool {
		for {
			n, err := unix.EpollWait(int(epoll), events, 0)
			if errors.Is(err, unix.EINTR) {
				continue
			}
			for _, e := range events[:max(n, 0)] {
				left(uint64(uint32(e.Fd)) | uint64(uint32(e.Pad))<<32)
			}
			if n < len(events) {
				return false // wait for more
			}
		}
	})
}

func (l *leavers) close() { _ = l.file.Close() }
