package setting

import (
	"crypto/sha256"
	"crypto/subtle"
	"log/slog"
)

// Secret is a value that is not shown in logs, errors or dumps. Only Reveal returns its text.
type Secret struct {
	text string
	file string // the file that it was read from; may be empty
}

// NewSecret returns a Secret with the given text.
func NewSecret(text string) Secret { return Secret{text: text} }

// Reveal returns the text of the secret.
func (s Secret) Reveal() string { return s.text }

// Empty reports whether the secret is empty.
func (s Secret) Empty() bool { return s.text == "" }

// Equal compares the secret with other in constant time.
func (s Secret) Equal(other string) bool {
	a, b := sha256.Sum256([]byte(s.text)), sha256.Sum256([]byte(other))
	return subtle.ConstantTimeCompare(a[:], b[:]) == 1
}

// UnmarshalText implements encoding.TextUnmarshaler.
func (s *Secret) UnmarshalText(text []byte) error {
	*s = Secret{text: string(text)}
	return nil
}

// MarshalText implements encoding.TextMarshaler. It masks the secret.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// String masks the secret.
func (s Secret) String() string {
	if s.text == "" {
		return ""
	}
	return "***"
}

// GoString masks the secret for %#v.
func (s Secret) GoString() string { return s.String() }

// LogValue masks the secret for slog.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }
