package storage

import (
	"context"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// The longest key, and the longest of its segments, in bytes: what S3 and the
// usual file systems allow.
const (
	MaxKeyLength        = 1024
	MaxKeySegmentLength = 255
)

// CheckKey returns an error that wraps ErrKey unless key may name an object: segments
// joined by single slashes, each of 1 to 255 bytes of UTF-8 without control characters
// and backslashes, none beginning with a dot. So "." and ".." and absolute paths are
// refused, and a backend may use names with a dot for itself.
func CheckKey(key string) error {
	if len(key) > MaxKeyLength {
		return fmt.Errorf("%w: it has %d bytes, at most %d are allowed", ErrKey, len(key), MaxKeyLength)
	}
	if !utf8.ValidString(key) {
		return fmt.Errorf("%w: it is not UTF-8", ErrKey)
	}
	if i := strings.IndexFunc(key, func(r rune) bool { return r == '\\' || unicode.IsControl(r) }); i >= 0 {
		return fmt.Errorf("%w: control character or backslash at byte %d", ErrKey, i)
	}
	for segment := range strings.SplitSeq(key, "/") {
		switch {
		case segment == "":
			return fmt.Errorf("%w: empty segment", ErrKey)
		case segment[0] == '.':
			return fmt.Errorf("%w: segment begins with a dot", ErrKey)
		case len(segment) > MaxKeySegmentLength:
			return fmt.Errorf("%w: a segment has %d bytes, at most %d are allowed", ErrKey, len(segment), MaxKeySegmentLength)
		}
	}
	return nil
}

// CheckCall returns an error if a Bucket must refuse a call: ctx is done, or the key cannot name
// an object.
func CheckCall(ctx context.Context, key string) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return CheckKey(key)
}

// CheckRange turns the offset and length given to Get into the number of bytes to
// read from an object of size bytes. The error wraps ErrRange.
func CheckRange(offset, length, size int64) (int64, error) {
	if offset < 0 || length < -1 || offset > size || length > size-offset {
		return 0, fmt.Errorf("%w: %d bytes from %d of %d", ErrRange, length, offset, size)
	}
	if length == -1 {
		return size - offset, nil
	}
	return length, nil
}
