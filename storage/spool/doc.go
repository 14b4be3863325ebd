// Package spool keeps segments that wait for the bucket in one directory of a
// local disk, bounded in bytes over all broadcasts of the node.
//
// Segments enter by Add, each as one file: a header that describes it in full, a
// checksum, and its bytes, written to a temporary file, synced, and renamed, so
// that a reader or a crash sees both or neither. They leave by Read and Remove.
// After a restart Open scans the headers, removes what is torn or damaged, and
// Load gives each broadcast what it had left. Files are named by number: no name
// of a broadcast becomes a path, and every path goes through an os.Root.
//
// Package spool does not know buckets or when a segment should be spooled. The
// directory belongs to one process.
//
// It starts no goroutine.
package spool
