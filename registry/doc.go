// Package registry keeps what all nodes of a cluster must agree on: which nodes there
// are, which of them owns a broadcast, and the identity of the cluster.
//
// It is a NATS JetStream key-value store: one inside this process, with its files in
// data_dir, or an external cluster when registry.url is set; the code is the same. A node
// has one session, a key that expires unless the node renews it. A lease is a record that
// names a session, and is valid as long as that session lasts. Every write names the
// revision that it replaces, so that two nodes never both succeed. A watch keeps all
// sessions and records in memory: a lookup needs no request.
//
// Claim returns at once; Run makes the claim when the registry can be reached. A Lease
// reports what its holder may do now, from memory and this machine's monotonic clock. A
// Bucket keeps a node of one registry from writing into the bucket of another.
//
// Package registry does not know media. It is never on the media path: while it is away,
// what is live goes on.
//
// Registry.Run blocks; it starts the embedded server's goroutines, those of the connection
// and a few of its own, and waits for them.
package registry
