// Package admin serves metrics, health and profiles to operators.
//
// NewHandler returns the handler, which reads the given checks and Prometheus registry. Guard
// refuses requests that pages of other sites send. The listener is on loopback by default, and
// not meant for the public.
//
// Package admin does not know broadcasts, media or storage.
//
// It starts no goroutine.
package admin
