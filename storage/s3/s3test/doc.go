// Package s3test provides stores for tests: the real S3-compatible server versitygw, and
// Fake, which behaves like a chosen provider.
//
// Start starts a Server with an address and a key pair; its buckets are folders of
// the test's own temporary directory. `make bin/versitygw` builds the program, whose
// version tools/go.mod pins. A test without it is skipped on a developer's machine,
// and fails where CI or GOLIVE_S3 is set.
//
// NewFake needs no program. Each Behaviour is one peculiarity of a store, and they can be
// combined: NewFake(t, RewritesAcceptEncoding, keys.Verify, limit.Limit) is much like
// Google's.
//
// Package s3test does not know golive's Bucket, which is tested against it.
//
// The server is a child process, and the Fake has the goroutines of net/http; the
// test's cleanup ends both.
package s3test
