// Package load measures the cost of viewers for the real server, and their waiting times: it
// builds golive, publishes to it, runs viewers, and reads the process's CPU time from the
// system. nginx and a bare net/http server serve the same bytes in the same run, so that the
// ratios are comparable between machines.
//
// Package load does not know the server's packages: it starts the binary as an
// operator does.
//
// It starts no goroutine, but processes, and waits for them.
package load
