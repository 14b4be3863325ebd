package main

import "syscall"

// discard has the kernel throw away up to n received bytes without a copy: MSG_TRUNC
// of tcp(7). An audience must be cheap beside its server.
func discard(fd uintptr, n int) (int, error) {
	got, _, e := syscall.Syscall6(syscall.SYS_RECVFROM, fd, 0, uintptr(n), syscall.MSG_TRUNC|syscall.MSG_DONTWAIT, 0, 0)
	if e != 0 {
		return 0, e
	}
	return int(got), nil
}
