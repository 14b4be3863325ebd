// Package cost measures the cost of a stream for the real server: it builds golive,
// publishes real-time streams to it over RTMP, and reads the process's CPU time
// and memory from the system.
//
// Package cost does not know the server's packages: it starts the binary as an
// operator does.
//
// It starts no goroutine, but processes, and waits for them.
package cost
