//go:build e2e || interop

package interop

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// binaryVariable names the golive to test; by default this tree's is built.
const binaryVariable = "GOLIVE_BIN"

// screenshots is where they go: e2e/out.
const screenshots = "../out"

// sources is the folder of the files that encoders publish, made when first
// asked for.
var sources string

func TestMain(m *testing.M) {
	code, err := buildAndRun(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(code)
}

func buildAndRun(m *testing.M) (code int, err error) {
	dir, err := os.MkdirTemp("", "golive-interop-")
	if err != nil {
		return 0, fmt.Errorf("make folder: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	sources = dir
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

// eventually calls try until it gives nil, and gives its last error when ctx ends
// first.
func eventually(ctx context.Context, every time.Duration, try func() error) error {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		err := try()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return err
		case <-tick.C:
		}
	}
}

// pause waits for d, or less when ctx ends.
func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
