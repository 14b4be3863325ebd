//go:build unix

package origin

import "syscall"

// affordable is how many connections the process has descriptors for, a quarter
// left for publishers, files and storage.
func affordable() int {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return unknownDescriptors
	}
	return int(min(limit.Cur, mostDescriptors) / 4 * 3)
}
