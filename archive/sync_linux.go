package archive

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// syncFileSystem writes all of the file system that holds root to its disk: one call for
// all files of all broadcasts.
func syncFileSystem(root *os.Root) error {
	dir, err := root.Open(".")
	if err != nil {
		return fmt.Errorf("sync archive: %w", err)
	}
	if err = errors.Join(unix.Syncfs(int(dir.Fd())), dir.Close()); err != nil {
		return fmt.Errorf("sync archive: %w", err)
	}
	return nil
}
