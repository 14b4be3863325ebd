package registry

import (
	"errors"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"
)

// ErrAway is wrapped by the errors of a registry that cannot be reached now.
var ErrAway = errors.New("registry cannot be reached")

// ErrHeld is wrapped by a *HeldError.
var ErrHeld = errors.New("another node has it")

// HeldError names the node that owns what was claimed.
type HeldError struct {
	// Node is the other node.
	Node Node
	// Before is true when this node never had it.
	Before bool
}

// Error names the node.
func (e *HeldError) Error() string { return fmt.Sprintf("%v: %s", ErrHeld, e.Node.Name) }

// Unwrap returns ErrHeld.
func (e *HeldError) Unwrap() error { return ErrHeld }

// errNameTaken is the error when two nodes have one name.
var errNameTaken = errors.New("another golive has this node's name: give each its own cluster.node")

// wrongSequenceReplicated is what a stream with replicas answers to a write that names
// another revision than the newest.
const wrongSequenceReplicated = jetstream.JSErrCodeStreamWrongLastSequenceConstant

// isConflict reports whether the registry answered that the key has another revision.
func isConflict(err error) bool {
	answer, ok := errors.AsType[*jetstream.APIError](err)
	return ok && (answer.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequence || answer.ErrorCode == wrongSequenceReplicated) ||
		errors.Is(err, jetstream.ErrKeyExists)
}

// isMissing reports whether the registry answered that there is no such key.
func isMissing(err error) bool {
	return errors.Is(err, jetstream.ErrKeyNotFound) || errors.Is(err, jetstream.ErrKeyDeleted)
}
