//go:build unix && !linux

package main

import "syscall"

// discard reads up to n received bytes and forgets them.
func discard(fd uintptr, n int) (int, error) {
	return syscall.Read(int(fd), make([]byte, min(n, 64<<10)))
}
