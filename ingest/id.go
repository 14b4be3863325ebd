package ingest

import "fmt"

// MaxIDLength is the longest broadcast id, in bytes.
const MaxIDLength = 64

// CheckID returns an error that wraps ErrBadName if id is not a valid broadcast id: 1 to 64
// ASCII letters, digits, "-", "_" and ".", not beginning with a dot. So it is safe as a
// path segment, an object key and a file name.
func CheckID(id string) error {
	if id == "" {
		return fmt.Errorf("%w: it is empty", ErrBadName)
	}
	if len(id) > MaxIDLength {
		return fmt.Errorf("%w: it has %d characters, at most %d are allowed", ErrBadName, len(id), MaxIDLength)
	}
	for i := range len(id) {
		c := id[i]
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '_':
		case c == '.' && i > 0:
		default:
			return fmt.Errorf("%w: character %q at %d; use letters, digits, '-', '_', '.'", ErrBadName, c, i)
		}
	}
	return nil
}
