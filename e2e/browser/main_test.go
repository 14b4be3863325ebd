//go:build e2e

package browser

import (
	"testing"

	"golive/e2e/harness"
)

var sources harness.Sources

func TestMain(m *testing.M) { harness.Main(m, &sources) }
