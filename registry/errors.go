package registry

import (
	"crypto/x509"
	"errors"
	"fmt"
	"slices"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// ErrAway is wrapped by the errors of a registry that cannot be reached now.
var ErrAway = errors.New("registry cannot be reached")

// ErrExists is wrapped by the error of making a record that exists.
var ErrExists = errors.New("there is one already")

// ErrNoRecord is the error of changing a record that does not exist.
var ErrNoRecord = errors.New("there is no such record")

// errBadName is the error of making a record with a name that cannot be one.
var errBadName = errors.New("its name must have 1 to 128 letters, digits, '-', '_' and '.', and not begin with a dot")

// errBadTime is the error of a record with a time that JSON cannot have.
var errBadTime = errors.New("a time is before the year 0 or after 9999")

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

// What JetStream answers when its memory or its disk is full, or an account's share of it.
const (
	insufficientResources = 10023
	insufficientMemory    = 10028
	insufficientStorage   = 10047
	streamStoreFailed     = 10077
)

// withHint adds what an operator can do about an error of the servers.
func withHint(err error) error {
	if hint := hintFor(err); hint != "" {
		return fmt.Errorf("%w (%s)", err, hint)
	}
	return err
}

func hintFor(err error) string {
	full := []jetstream.ErrorCode{insufficientResources, insufficientMemory, insufficientStorage, streamStoreFailed}
	if answer, ok := errors.AsType[*jetstream.APIError](err); ok && slices.Contains(full, answer.ErrorCode) {
		return "the memory or disk that the NATS servers may use is full: free some, or raise their max_memory_store or max_file_store, or the account's limits"
	}
	for _, c := range []struct {
		hint string
		errs []error
	}{
		{
			"check registry.user and registry.password, or registry.credentials_file",
			[]error{nats.ErrAuthorization, nats.ErrAuthExpired, nats.ErrAuthRevoked, nats.ErrAccountAuthExpired},
		},
		{"its user needs the permissions that docs/operations.md names", []error{nats.ErrPermissionViolation}},
		{"the server has no TLS: begin registry.url with nats://", []error{nats.ErrSecureConnWanted}},
		{"enable JetStream on the NATS servers", []error{jetstream.ErrJetStreamNotEnabled, jetstream.ErrJetStreamNotEnabledForAccount, nats.ErrNoResponders}},
	} {
		for _, e := range c.errs {
			if errors.Is(err, e) {
				return c.hint
			}
		}
	}
	if _, unknown := errors.AsType[x509.UnknownAuthorityError](err); unknown {
		return "registry.ca_file must name the certificate that signed the server's"
	}
	return ""
}
