//go:build unix && (!linux || 386)

package main

import "syscall"

// discard reads and discards up to n received bytes.
func discard(fd uintptr, n int) (int, error) {
	return syscall.Read(int(fd), make([]byte, min(n, 64<<10)))
}
