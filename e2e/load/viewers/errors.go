package main

import (
	"errors"
	"fmt"
	"net"
	"os"
)

// statusError is an answer that is none.
type statusError int

func (e statusError) Error() string { return fmt.Sprintf("status %d", int(e)) }

// kindOf is what an error is counted as: without addresses, which differ.
func kindOf(err error) string {
	var op *net.OpError
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return "timeout"
	case errors.As(err, &op):
		return op.Op + ": " + op.Err.Error()
	}
	return err.Error()
}
