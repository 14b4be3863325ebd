//go:build !unix

package main

import (
	"errors"
	"os"
)

// tryLock fails: there are no locks of this kind here.
func tryLock(*os.File) (bool, error) { return false, errors.ErrUnsupported }
