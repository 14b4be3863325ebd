//go:build e2e

package e2e

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestMain builds golive once for all tests, unless GOLIVE_BIN names one.
func TestMain(m *testing.M) {
	code, err := buildAndRun(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(code)
}

func buildAndRun(m *testing.M) (code int, err error) {
	if os.Getenv(binaryVariable) != "" {
		return m.Run(), nil
	}
	dir, err := os.MkdirTemp("", "golive-e2e-")
	if err != nil {
		return 0, fmt.Errorf("make folder: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	binary := filepath.Join(dir, "golive")
	if out, err := exec.Command("go", "build", "-o", binary, "golive/cmd/golive").CombinedOutput(); err != nil {
		return 0, fmt.Errorf("build golive: %w\n%s", err, out)
	}
	if err := os.Setenv(binaryVariable, binary); err != nil {
		return 0, fmt.Errorf("set %s: %w", binaryVariable, err)
	}
	return m.Run(), nil
}

// binaryVariable names the golive to test.
const binaryVariable = "GOLIVE_BIN"
