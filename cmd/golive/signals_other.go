//go:build !unix

package main

import "os"

// ignoredSignals returns none: there are no such signals on this system.
func ignoredSignals() []os.Signal { return nil }

// explain returns a signal's name.
func explain(s os.Signal) (name, hint string) { return s.String(), "" }

// asksForReload reports false: there is no such signal on this system.
func asksForReload(os.Signal) bool { return false }
