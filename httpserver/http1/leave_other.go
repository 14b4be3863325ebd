//go:build !linux

package http1

import "syscall"

// leavers hears of clients that leave while their requests wait: on Linux. Elsewhere it
// is noticed when they are answered.
type leavers struct{}

func newLeavers() (*leavers, error)                  { return &leavers{}, nil }
func (*leavers) watch(syscall.RawConn, uint64) error { return nil }
func (*leavers) run(func(id uint64))                 {}
func (*leavers) close()                              {}
