package setting

import (
	"crypto/sha256"
	"crypto/subtle"
	"log/slog"
)

// Secret is a value that no log, error or dump shows. Reveal is the only way to
// its text.
type Secret struct {
	text string
	file string // that it was read from; may be empty
}

// NewSecret wraps text.
func NewSecret(text string) Secret { return Secret{text: text} }

// Reveal is the secret itself.
func (s Secret) Reveal() string { return s.text }

// Empty says whether no secret is set.
func (s Secret) Empty() bool { return s.text == "" }

// Equal compares in time that depends on neither value's content or length.
func (s Secret) Equal(other string) bool {
	a, b := sha256.Sum256([]byte(s.text)), sha256.Sum256([]byte(other))
	return subtle.ConstantTimeCompare(a[:], b[:]) == 1
}

// UnmarshalText takes text as the secret.
func (s *Secret) UnmarshalText(text []byte) error {
	*s = Secret{text: string(text)}
	return nil
}

// MarshalText hides the secret.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// String hides the secret.
func (s Secret) String() string {
	if s.text == "" {
		return ""
	}
	return "***"
}

// GoString hides the secret from %#v.
func (s Secret) GoString() string { return s.String() }

// LogValue hides the secret from slog.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }
