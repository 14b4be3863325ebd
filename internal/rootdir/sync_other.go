//go:build unix && !linux

package rootdir

import "golang.org/x/sys/unix"

// Sync writes all file systems to their disks.
func (d *Dir) Sync() error { return unix.Sync() }
