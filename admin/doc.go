// Package admin is the operator's door: health, metrics and profiles.
//
// Requests enter through the handler; what it tells comes from the checks and the
// Prometheus registry it was given. It listens on loopback by default and is not
// meant for the public.
//
// Package admin does not know broadcasts, media or storage.
//
// It starts no goroutine.
package admin
