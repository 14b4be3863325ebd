// Package disk is the Bucket under one directory of a file system: each object is
// the file of its key, which a static server can serve as it is.
//
// Objects enter by Put: written to a temporary file, synced, renamed into place,
// and the directory synced, so that a reader or a crash sees the whole object or
// none of it. They leave by Get as open files, which net/http hands to
// sendfile(2). Every path goes through an os.Root: no key and no symbolic link
// leads outside the directory.
//
// Package disk does not know what is in an object, and keeps no HTTP headers. A
// file system cannot hold "a" and "a/b" at once: the second is refused. The
// directory belongs to one process.
//
// It starts no goroutine.
package disk
