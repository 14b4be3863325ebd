package setting

import (
	"errors"
	"math"
	"strconv"
	"strings"
)

// BitRate is a number of bits per second. Its text is a whole number with an
// optional unit: "800000", "2500k", "8M", "1G".
type BitRate int64

// The decimal units.
const (
	kilobit BitRate = 1000
	megabit         = 1000 * kilobit
	gigabit         = 1000 * megabit
)

// UnmarshalText implements encoding.TextUnmarshaler.
func (b *BitRate) UnmarshalText(text []byte) error {
	s, scale := strings.TrimSpace(string(text)), BitRate(1)
	if s != "" {
		switch s[len(s)-1] {
		case 'k', 'K':
			scale = kilobit
		case 'M':
			scale = megabit
		case 'G':
			scale = gigabit
		}
		if scale > 1 {
			s = strings.TrimSpace(s[:len(s)-1])
		}
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 0 || n > math.MaxInt64/int64(scale) {
		return errors.New(strconv.Quote(string(text)) + " is not a bit rate: write a whole number with k or M, as in 2500k or 8M")
	}
	*b = BitRate(n) * scale
	return nil
}

// MarshalText implements encoding.TextMarshaler.
func (b BitRate) MarshalText() ([]byte, error) { return []byte(b.String()), nil }

// String returns b with the largest unit that divides it.
func (b BitRate) String() string {
	for _, u := range []struct {
		suffix string
		size   BitRate
	}{{"G", gigabit}, {"M", megabit}, {"k", kilobit}} {
		if b != 0 && b%u.size == 0 {
			return strconv.FormatInt(int64(b/u.size), 10) + u.suffix
		}
	}
	return strconv.FormatInt(int64(b), 10)
}
