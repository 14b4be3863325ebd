package ingest

import "time"

// ControlRate is how many messages other than media a publisher may send per second, and
// controlBurst how many at once.
const (
	ControlRate  = 500
	controlBurst = 5000
)

// ControlBudget bounds the messages other than media of one publisher. The zero value is a full one.
type ControlBudget struct {
	count    int       // minus ControlRate per second
	refilled time.Time // when ControlRate was last subtracted
}

// Spend counts a message that was received at that time. It returns false if there were too many.
func (b *ControlBudget) Spend(at time.Time) bool {
	b.count++
	if passed := at.Sub(b.refilled); passed >= time.Second {
		b.count = max(0, b.count-ControlRate*int(min(passed/time.Second, controlBurst)))
		b.refilled = at
	}
	return b.count <= controlBurst
}
