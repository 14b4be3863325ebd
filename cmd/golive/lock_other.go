//go:build !unix

package main

import (
	"errors"
	"os"
)

// tryLock fails: there are no such locks on this system.
func tryLock(*os.File) (bool, error) { return false, errors.ErrUnsupported }
