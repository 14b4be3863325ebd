// Package store tests golive with a real S3-compatible store that is stopped, killed and slowed
// during ten broadcasts, and with golive being killed meanwhile. It also tests the bucket
// without golive: nginx serves it, and a browser plays it.
//
// The tests have the build tag e2e. By default they are short; flags of
// the outage test set the number of broadcasts and the duration:
//
//	go test -tags e2e -v -timeout 30m -run Outage ./e2e/store -args -broadcasts 10 -minutes 5
//
// Package store does not know how golive works; only the node of the ladder test, which has two
// renditions without ffmpeg, is composed of golive's packages. It reads the bucket as files, since
// versitygw stores each object as a file.
//
// It starts a goroutine for each poller of a bucket; the test waits for it.
package store
