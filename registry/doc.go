// Package registry keeps what all nodes of a cluster must agree on: which node owns a
// broadcast, and the identity of the cluster.
//
// It is a NATS JetStream key-value store: one inside this process, with its files in
// data_dir, or an external cluster when registry.url is set; the code is the same.
// Ownership is a lease: a key that expires unless its owner renews it. Every write that
// only an owner may do names the revision of the last one, so that two nodes never both
// succeed. A watch keeps all leases in memory, so that looking one up asks nobody.
//
// Package registry does not know media. It is never on the media path: while it is away,
// leases are not renewed, and who needs one decides what to do.
//
// Open starts the embedded server's goroutines; Close waits for them. Registry.Run and
// Lease.Run block on the caller's goroutine.
package registry
