//go:build !unix

package main

import "os"

// ignoredSignals returns none: there are no such signals on this system.
func survivedSignals() []os.Signal { return nil }

// explain returns a signal's name.
func explain(s os.Signal) (name, hint string) { return s.String(), "" }
