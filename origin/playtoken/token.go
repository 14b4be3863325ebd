package playtoken

import (
	"crypto/ed25519"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// Mark begins the path segment of a token: /live/ID/~TOKEN/index.m3u8.
const Mark = "~"

// Audience is the audience (aud) of every playback token, so that a token that the same key
// signed for another purpose is none.
const Audience = "golive:playback"

// maxLength is the length of the longest token that is looked at, in bytes. A Signer's tokens
// have about 250.
const maxLength = 1024

// Error is why a token does not let its holder watch, as a sentence for the viewer.
type Error string

// Error implements error.
func (e Error) Error() string { return string(e) }

// The reasons.
const (
	ErrMissing        Error = "a playback token is needed to watch this broadcast"
	ErrInvalid        Error = "the playback token is not valid" // or is another key's, or no playback token
	ErrOtherBroadcast Error = "the playback token is for another broadcast"
	ErrRevoked        Error = "the playback token was revoked" // it is of an earlier generation
	ErrEarly          Error = "the playback token is not valid yet"
	ErrExpired        Error = "the playback token has expired"
)

// claims are the claims of a token.
type claims struct {
	Generation int `json:"gen,omitempty"`
	jwt.RegisteredClaims
}

// Signer makes tokens. It is safe for concurrent use.
type Signer struct{ key ed25519.PrivateKey }

// NewSigner returns a Signer with the key.
func NewSigner(key ed25519.PrivateKey) *Signer { return &Signer{key} }

// Sign returns the path segment, "~" and a token, that lets its holder watch a broadcast until
// expires, which is cut to seconds, or until the broadcast's generation is a higher one. The same
// arguments make the same token.
func (s *Signer) Sign(id string, generation int, expires time.Time) string {
	text, err := jwt.NewWithClaims(jwt.SigningMethodEdDSA, claims{generation, jwt.RegisteredClaims{
		Audience:  jwt.ClaimStrings{Audience},
		Subject:   id,
		ExpiresAt: jwt.NewNumericDate(expires),
	}}).SignedString(s.key)
	if err != nil {
		panic(fmt.Sprintf("playtoken: sign with an Ed25519 key: %v", err))
	}
	return Mark + text
}

// Verifier returns a Verifier of the Signer's tokens.
func (s *Signer) Verifier() *Verifier {
	public, ok := s.key.Public().(ed25519.PublicKey)
	if !ok {
		panic("playtoken: the public key of an Ed25519 key is of another type")
	}
	return NewVerifier(public)
}

// Verifier checks tokens. It is safe for concurrent use.
type Verifier struct {
	key      ed25519.PublicKey
	parser   *jwt.Parser
	verified cache
}

// NewVerifier returns a Verifier of what the private key of key signed.
func NewVerifier(key ed25519.PublicKey) *Verifier {
	return &Verifier{
		key: key,
		// Check checks the claims, each time that a token is used.
		parser: jwt.NewParser(jwt.WithValidMethods([]string{jwt.SigningMethodEdDSA.Alg()}), jwt.WithStrictDecoding(), jwt.WithoutClaimsValidation()),
	}
}

// Check returns nil if a token, without its Mark, lets its holder watch the broadcast now, or has
// done so no longer than grace ago. The error is an Error. A token that was verified
// before costs a map look-up.
func (v *Verifier) Check(text, id string, generation int, grace time.Duration) error {
	t := v.verified.find(text)
	if t == nil {
		var err error
		if t, err = v.verify(text); err != nil {
			return err
		}
		v.verified.add(text, t)
	}
	now := time.Now()
	switch {
	case t.broadcast != id:
		return ErrOtherBroadcast
	case t.generation < generation:
		return ErrRevoked
	case now.Before(t.begins):
		return ErrEarly
	case !now.Before(t.expires.Add(grace)):
		return ErrExpired
	}
	return nil
}

// token is what a verified token says.
type token struct {
	broadcast       string
	generation      int
	begins, expires time.Time // begins is zero if it says nothing of that
}

// verify verifies the signature of a token, and that it is a playback token.
func (v *Verifier) verify(text string) (*token, error) {
	switch {
	case text == "":
		return nil, ErrMissing
	case len(text) > maxLength, strings.ContainsAny(text, "\r\n"): // which base64 decoders skip
		return nil, ErrInvalid
	}
	var c claims
	// What is wrong with a token that is not ours helps only who made it.
	if _, err := v.parser.ParseWithClaims(text, &c, func(*jwt.Token) (any, error) { return v.key, nil }); err != nil {
		return nil, ErrInvalid
	}
	if !slices.Contains(c.Audience, Audience) || c.Subject == "" || c.ExpiresAt == nil {
		return nil, ErrInvalid
	}
	t := &token{broadcast: c.Subject, generation: c.Generation, expires: c.ExpiresAt.Time}
	if c.NotBefore != nil {
		t.begins = c.NotBefore.Time
	}
	return t, nil
}
