// Package rootdir keeps a directory open as an os.Root, and opens it anew when somebody
// has removed it or put another one in its place.
//
// Package rootdir does not know what is in the directory.
//
// It starts no goroutine.
package rootdir
