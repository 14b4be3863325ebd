// Package logtest keeps what a server under test logs.
//
// Package logtest does not know what is logged.
//
// It starts no goroutine.
package logtest
