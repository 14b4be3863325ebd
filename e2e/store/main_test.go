//go:build e2e

package store

import (
	"fmt"
	"os"
	"testing"

	"golive/e2e/harness"
)

var sources harness.Sources

func TestMain(m *testing.M) {
	if config := os.Getenv(ladderVariable); config != "" {
		fmt.Fprintln(os.Stderr, runNode(config))
		os.Exit(1)
	}
	harness.Main(m, &sources)
}
