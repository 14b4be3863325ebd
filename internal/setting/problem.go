package setting

import (
	"errors"
	"fmt"
)

// FieldError reports an invalid value in a configuration.
type FieldError struct {
	// Path is the key relative to the section: "rtmp.listen",
	// "publish.keys[1].key".
	Path string
	// Problem describes what is wrong, as a predicate of the value: "must be at least 100ms".
	Problem string
	// Hint tells how to fix it; may be empty.
	Hint string
}

// Error returns the path, the problem and the hint.
func (e *FieldError) Error() string {
	if e.Hint == "" {
		return e.Path + ": " + e.Problem
	}
	return e.Path + ": " + e.Problem + " (" + e.Hint + ")"
}

// Problems collects the FieldErrors of one section.
type Problems struct{ errs []error }

// Add adds a problem at path.
func (p *Problems) Add(path, hint, problem string, args ...any) {
	p.errs = append(p.errs, &FieldError{Path: path, Problem: fmt.Sprintf(problem, args...), Hint: hint})
}

// Err returns nil, or all problems joined; errors.As finds each.
func (p *Problems) Err() error { return errors.Join(p.errs...) }
