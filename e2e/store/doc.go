// Package store tests a live golive against a real S3-compatible store that is
// stopped, killed and slowed while ten broadcasts are on air, against its own death
// meanwhile, and the bucket without golive: nginx and a browser play from it.
//
// The tests have the build tag e2e. By default they are short; the flags of
// TestOutage make it as long as its issue asks for:
//
//	go test -tags e2e -v -timeout 30m -run Outage ./e2e/store -args -broadcasts 10 -minutes 5
//
// Package store does not know golive's insides. It reads the bucket as files, since
// versitygw keeps each object as one.
//
// It starts a goroutine for each poller of a bucket; the test waits for it.
package store
