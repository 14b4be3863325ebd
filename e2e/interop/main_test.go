//go:build e2e || interop

package interop

import (
	"testing"

	"golive/e2e/harness"
)

var sources harness.Sources

func TestMain(m *testing.M) { harness.Main(m, &sources) }

// pace are the rules about time that no server can keep while it is sent nothing:
// a new segment, a new part in time.
var pace = []int{11, 12}
