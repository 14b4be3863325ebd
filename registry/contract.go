package registry

import "errors"

// ErrExists is wrapped by the error of making a record that exists.
var ErrExists = errors.New("there is one already")

// ErrNoRecord is the error of changing a record that does not exist.
var ErrNoRecord = errors.New("there is no such record")

// Filter selects broadcasts. Its zero value selects all.
type Filter struct {
	// State, Owner, Channel and Visibility are what the broadcasts have; empty is any.
	State      State
	Owner      string
	Channel    string
	Visibility Visibility
	// Active leaves out what has ended.
	Active bool
	// Listed leaves out what only those find who know the address.
	Listed bool
	// After is the cursor that came with the page before; empty for the first one.
	After string
	// Limit is how many broadcasts a page has at most; 0 is 100.
	Limit int
}

// ValidCursor reports whether text has the form of a cursor.
func ValidCursor(text string) bool { return text != "" }
