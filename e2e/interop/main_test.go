//go:build e2e || interop

package interop

import (
	"testing"

	"golive/e2e/harness"
)

var sources harness.Sources

func TestMain(m *testing.M) { harness.Main(m, &sources) }

// pace are the rules about time that no server can follow while it receives no media: that new
// segments and parts are published in time.
var pace = []int{11, 12}
