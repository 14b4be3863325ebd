package harness

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// binaryVariable is the environment variable with the golive binary to test; by default it is
// built from this tree.
const binaryVariable = "GOLIVE_BIN"

// Main implements TestMain: it builds golive once for all tests, sets the folder of sources,
// runs the tests and exits.
func Main(m *testing.M, sources *Sources) {
	code, err := buildAndRun(m, sources)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(code)
}

func buildAndRun(m *testing.M, sources *Sources) (code int, err error) {
	dir, remove, err := runFolder()
	if err != nil {
		return 0, fmt.Errorf("make folder: %w", err)
	}
	defer func() { err = errors.Join(err, remove()) }()
	sources.Dir = dir
	if os.Getenv(binaryVariable) != "" {
		return m.Run(), nil
	}
	binary := filepath.Join(dir, "golive")
	if out, err := exec.Command("go", "build", "-o", binary, "golive/cmd/golive").CombinedOutput(); err != nil {
		return 0, fmt.Errorf("build golive: %w\n%s", err, out)
	}
	if err := os.Setenv(binaryVariable, binary); err != nil {
		return 0, fmt.Errorf("set %s: %w", binaryVariable, err)
	}
	return m.Run(), nil
}
