// Package webhook tells an app's server what happens to broadcasts, and asks it who may publish.
//
// A Deliverer takes the events of a Queue and posts them, signed as Standard Webhooks describes
// (github.com/standard-webhooks), to each configured address. The Queue keeps an event until it is
// delivered, and its order within a broadcast. A Gate is an ingest.PublishHandler that asks the
// admission webhook before another one gets the publisher.
//
// Addresses that are not public are refused when the connection is made, after the name was
// resolved. Redirects are not followed.
//
// Package webhook does not know how events come about, or where they are kept.
//
// Deliverer.Run starts a goroutine for each address, and waits for all. A Gate starts none.
package webhook
