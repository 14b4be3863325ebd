// Package childprocess has what golive needs of the operating system to run child processes
// beside its own work: a group to kill, a low priority, and no process that outlives golive.
//
// Package childprocess does not know what the processes do.
//
// It starts no goroutine.
package childprocess
