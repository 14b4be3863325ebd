//go:build !linux

package http1

import "syscall"

// hangups reports connections that break while their requests wait, on Linux. Elsewhere
// that is noticed when the response is written.
type hangups struct{}

func newHangups() (*hangups, error)                  { return &hangups{}, nil }
func (*hangups) watch(syscall.RawConn, uint64) error { return nil }
func (*hangups) run(func(id uint64))                 {}
func (*hangups) close()                              {}
