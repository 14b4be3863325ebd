// Package childprocess runs child processes so that they do not disturb golive or outlive it: each
// has its own process group, which can be killed, and a low priority.
//
// Package childprocess does not know what the processes do.
//
// It starts no goroutine.
package childprocess
