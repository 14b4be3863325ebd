package pipenet

import (
	"errors"
	"net"
	"os"
	"sync/atomic"
)

// Stopped is the connection of a process that can be stopped (SIGSTOP): then its deadlines pass
// while the process does not read, and received data waits.
type Stopped struct {
	net.Conn
	resume atomic.Pointer[chan struct{}] // closed when the process is resumed; nil while it runs
}

// Stop stops the process, until the channel that it returns is closed.
func (s *Stopped) Stop() chan<- struct{} {
	resume := make(chan struct{})
	s.resume.Store(&resume)
	return resume
}

// Read implements net.Conn.
func (s *Stopped) Read(p []byte) (int, error) {
	n, err := s.Conn.Read(p)
	if resume := s.resume.Load(); resume != nil && errors.Is(err, os.ErrDeadlineExceeded) {
		<-*resume
		s.resume.Store(nil)
	}
	return n, err
}
