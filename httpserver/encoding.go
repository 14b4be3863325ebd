package httpserver

import (
	"strconv"
	"strings"
)

// AcceptsGzip reports whether the values of Accept-Encoding (RFC 9110 section 12.5.3) name
// gzip, or mean it by "*", and do not refuse it with q=0.
func AcceptsGzip(values []string) bool {
	all := false
	for _, v := range values {
		for item := range strings.SplitSeq(v, ",") {
			coding, q, _ := strings.Cut(item, ";")
			switch coding = strings.TrimSpace(coding); {
			case strings.EqualFold(coding, "gzip"):
				return !isRefused(q)
			case coding == "*":
				all = !isRefused(q)
			}
		}
	}
	return all
}

// isRefused reports whether a parameter is q=0. One that is not understood refuses nothing.
func isRefused(q string) bool {
	if q == "" {
		return false
	}
	name, value, _ := strings.Cut(q, "=")
	weight, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
	return err == nil && weight <= 0 && strings.EqualFold(strings.TrimSpace(name), "q")
}
