package http1

import (
	"errors"
	"fmt"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// hangups reports connections that break while their requests wait. Each connection is
// registered once with epoll, which always reports EPOLLHUP and EPOLLERR (epoll_ctl(2)).
// That costs a request nothing, and no goroutine.
//
// EPOLLRDHUP, that a client sends nothing more, is ignored: it may have closed its half and
// read the answer (RFC 9112 section 9.6 has servers do the same).
type hangups struct {
	file  *os.File
	epoll syscall.RawConn
}

func newHangups() (*hangups, error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("epoll_create1: %w", err)
	}
	// The runtime waits for it as for any other descriptor, if it does not block.
	if err := unix.SetNonblock(fd, true); err != nil {
		return nil, errors.Join(err, unix.Close(fd))
	}
	l := &hangups{file: os.NewFile(uintptr(fd), "epoll")}
	if l.epoll, err = l.file.SyscallConn(); err != nil {
		return nil, errors.Join(err, l.file.Close())
	}
	return l, nil
}

// watch reports the end of c as id. The system forgets a connection that is closed.
func (l *hangups) watch(c syscall.RawConn, id uint64) error {
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

// run calls hungUp for each watched connection that ends, until close is called.
func (l *hangups) run(hungUp func(id uint64)) {
	events := make([]unix.EpollEvent, 128)
	// It ends with an error, as reading from a closed file does.
	_ = l.epoll.Read(func(epoll uintptr) bool {
		for {
			n, err := unix.EpollWait(int(epoll), events, 0)
			if errors.Is(err, unix.EINTR) {
				continue
			}
			for _, e := range events[:max(n, 0)] {
				hungUp(uint64(uint32(e.Fd)) | uint64(uint32(e.Pad))<<32)
			}
			if n < len(events) {
				return false // wait for more
			}
		}
	})
}

func (l *hangups) close() { _ = l.file.Close() }
