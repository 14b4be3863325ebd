//go:build unix && !linux

package archive

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// syncFileSystem writes all file systems to their disks.
func syncFileSystem(*os.Root) error {
	if err := unix.Sync(); err != nil {
		return fmt.Errorf("sync archive: %w", err)
	}
	return nil
}
