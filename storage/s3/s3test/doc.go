// Package s3test runs the real S3-compatible server of the tests, versitygw.
//
// Start gives a Server with an address and a key pair; its buckets are folders of
// the test's own temporary directory. `make bin/versitygw` builds the program, whose
// version tools/go.mod pins. A test without it is skipped on a developer's machine,
// and fails where CI or GOLIVE_S3 is set.
//
// Package s3test does not know golive's Bucket: it is what that is tested against.
//
// It starts no goroutine; the server is a child process that the test's cleanup
// ends.
package s3test
