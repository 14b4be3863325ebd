// Package rootdir keeps a directory open as an os.Root, and reopens it if it was removed or
// replaced.
//
// Package rootdir does not know what is in the directory.
//
// It starts no goroutine.
package rootdir
