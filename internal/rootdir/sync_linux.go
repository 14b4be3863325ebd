package rootdir

import (
	"errors"

	"golang.org/x/sys/unix"
)

// Sync writes all of the directory's file system to its disk: one call for all files.
func (d *Dir) Sync() error {
	f, err := d.Root().Open(".")
	if err != nil {
		return err
	}
	return errors.Join(unix.Syncfs(int(f.Fd())), f.Close())
}
