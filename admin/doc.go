// Package admin serves the operator: health, metrics and profiles.
//
// Requests enter through the handler; responses come from the checks and the Prometheus
// registry that it was given. It listens on loopback by default and is not meant for the
// public.
//
// Package admin does not know broadcasts, media or storage.
//
// It starts no goroutine.
package admin
