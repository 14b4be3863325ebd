package rollout

import (
	"slices"
	"strconv"
	"strings"
)

// parseVersion returns the numbers of a version: 8, 2 and 0 of "8.2.0-beta+5". What follows
// the numbers is ignored.
func parseVersion(text string) (numbers []int, ok bool) {
	text, _, _ = strings.Cut(strings.TrimPrefix(text, "v"), "+")
	text, _, _ = strings.Cut(text, "-")
	for part := range strings.SplitSeq(text, ".") {
		n, err := strconv.Atoi(part)
		if err != nil || n < 0 {
			return nil, false
		}
		numbers = append(numbers, n)
	}
	return numbers, true
}

// atLeast reports whether have is a version that is not older than want. Missing numbers are 0:
// "8.2" and "8.2.0" are the same.
func atLeast(have, want string) bool {
	a, ok := parseVersion(have)
	b, ok2 := parseVersion(want)
	if !ok || !ok2 {
		return false
	}
	n := max(len(a), len(b))
	a = append(a, make([]int, n-len(a))...)
	b = append(b, make([]int, n-len(b))...)
	return slices.Compare(a, b) >= 0
}
