// Package ingesttest helps to test the protocols of package ingest. Handler stands in for the
// broadcasts: it accepts every publisher, and its Sinks keep what a session writes and how it ends.
// There are also the FLV bodies of a small stream, and connections without a network.
//
// Package ingesttest does not know any protocol. It starts no goroutines.
package ingesttest
