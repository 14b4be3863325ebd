// Package load measures what viewers cost the real server, and how long they wait:
// it builds golive, publishes to it, sends it an audience, and reads the process's
// CPU time from the system. nginx and a bare net/http serve the same bytes in the
// same run, so that the ratios hold on another machine.
//
// Package load does not know the server's packages: it starts the binary as an
// operator does.
//
// It starts no goroutine, but processes, and waits for them.
package load
