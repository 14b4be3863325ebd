package ingest

// condition is something that begins after it was observed several times in succession, and is over
// after it was not observed several times. The zero value is one that does not hold.
type condition struct {
	holds bool
	count int // consecutive observations to the contrary
}

// observe takes the next observation. It reports whether the condition begins, after begin
// observations, or is over, after end others.
func (c *condition) observe(seen bool, begin, end int) (began, over bool) {
	if seen == c.holds {
		c.count = 0
		return false, false
	}
	c.count++
	switch {
	case seen && c.count >= begin:
		c.holds, c.count = true, 0
		return true, false
	case !seen && c.count >= end:
		c.holds, c.count = false, 0
		return false, true
	}
	return false, false
}
