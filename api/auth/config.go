package auth

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"golive/internal/setting"
)

// Config configures who may use the API.
type Config struct {
	// Open takes the name after "Bearer dev:" as the user, without any proof, for development.
	// It must be false if there are tokens or keys.
	Open bool        `yaml:"open"`
	JWT  JWTConfig   `yaml:"jwt"`
	Keys []KeyConfig `yaml:"keys"`
}

// JWTConfig configures the JSON Web Tokens by which users are known. There are none without a
// Secret, a JWKSURL or a JWKSFile.
type JWTConfig struct {
	// Secret is the key of HS256, at least 32 bytes; SecretFile is a file that holds it.
	Secret     setting.Secret `yaml:"secret"`
	SecretFile string         `yaml:"secret_file"`
	// JWKSURL and JWKSFile are where the public keys of RS256 and ES256 are (RFC 7517).
	JWKSURL  string `yaml:"jwks_url"`
	JWKSFile string `yaml:"jwks_file"`
	// Issuer and Audience are what iss and aud must be; an empty one is not checked.
	Issuer   string `yaml:"issuer"`
	Audience string `yaml:"audience"`
	// UserClaim is the claim with the user's id.
	UserClaim string `yaml:"user_claim"`
}

// KeyConfig is the API key of a server.
type KeyConfig struct {
	// ID names the key in logs.
	ID string `yaml:"id"`
	// Key is the secret, at least 32 characters; KeyFile is a file that holds it.
	Key     setting.Secret `yaml:"key"`
	KeyFile string         `yaml:"key_file"`
	// Scopes are what the server may do.
	Scopes []string `yaml:"scopes"`
}

// Scope is a permission.
type Scope string

// The scopes.
const (
	ReadBroadcasts  Scope = "broadcasts:read"
	WriteBroadcasts Scope = "broadcasts:write"
	ReadGolive      Scope = "golive:read"
)

func scopes() []Scope { return []Scope{ReadBroadcasts, WriteBroadcasts, ReadGolive} }

// minSecret is the shortest secret, in bytes: RFC 7518 section 3.2 asks for as many as the hash
// has.
const minSecret = 32

// DefaultConfig returns the open mode.
func DefaultConfig() Config { return Config{Open: true, JWT: JWTConfig{UserClaim: "sub"}} }

// Enabled reports whether there are tokens.
func (c JWTConfig) Enabled() bool { return !c.Secret.Empty() || c.JWKSURL != "" || c.JWKSFile != "" }

// Validate returns an error for every invalid value.
func (c Config) Validate() error {
	var p setting.Problems
	if c.Open && (c.JWT.Enabled() || len(c.Keys) > 0) {
		p.Add("open", "set open: false, or remove jwt and keys", "must be false when jwt or keys are set: an open API believes any name")
	}
	c.JWT.validate(&p)
	seen := make(map[string]int, len(c.Keys))
	for i, k := range c.Keys {
		at := "keys[" + strconv.Itoa(i) + "]"
		k.validate(&p, at)
		if first, again := seen[k.Key.Reveal()]; again && !k.Key.Empty() {
			p.Add(at+".key", "give each server its own", "is the same as that of keys[%d]", first)
		}
		seen[k.Key.Reveal()] = i
	}
	return p.Err()
}

func (c JWTConfig) validate(p *setting.Problems) {
	if !c.Secret.Empty() && len(c.Secret.Reveal()) < minSecret {
		p.Add("jwt.secret", "openssl rand -hex 32", "must have at least %d bytes", minSecret)
	}
	sources := 0
	for _, set := range []bool{!c.Secret.Empty(), c.JWKSURL != "", c.JWKSFile != ""} {
		if set {
			sources++
		}
	}
	if sources > 1 {
		p.Add("jwt", "keep one of them", "secret, jwks_url and jwks_file exclude each other")
	}
	if c.JWKSURL != "" {
		if u, err := url.Parse(c.JWKSURL); err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
			p.Add("jwt.jwks_url", `as in "https://id.example.com/.well-known/jwks.json"`, "%q is not an http or https URL", c.JWKSURL)
		}
	}
	if c.Enabled() && c.UserClaim == "" {
		p.Add("jwt.user_claim", `"sub" is the standard`, "must name a claim")
	}
}

func (k KeyConfig) validate(p *setting.Problems, at string) {
	if k.ID == "" || strings.ContainsFunc(k.ID, isControl) {
		p.Add(at+".id", "it names the key in logs, as in backend", "must be a name without control characters, not %q", k.ID)
	}
	if err := checkAPIKey(k.Key.Reveal()); err != nil && k.KeyFile == "" {
		p.Add(at+".key", "openssl rand -hex 32", "%v", err)
	}
	if len(k.Scopes) == 0 {
		p.Add(at+".scopes", "", "must hold at least one of %s", scopeNames())
	}
	for i, s := range k.Scopes {
		if !slices.Contains(scopes(), Scope(s)) {
			p.Add(fmt.Sprintf("%s.scopes[%d]", at, i), "", "must be one of %s, not %q", scopeNames(), s)
		}
	}
}

func scopeNames() string {
	var names []string
	for _, s := range scopes() {
		names = append(names, string(s))
	}
	return strings.Join(names, ", ")
}

// checkAPIKey returns an error if key cannot be an API key.
func checkAPIKey(key string) error {
	switch {
	case len(key) < minSecret:
		return fmt.Errorf("must have at least %d characters", minSecret)
	case strings.ContainsFunc(key, func(r rune) bool { return r <= ' ' || r > '~' }):
		return fmt.Errorf("must be ASCII without spaces: it is sent in a header")
	case strings.HasPrefix(key, devPrefix):
		return fmt.Errorf("must not begin with %q", devPrefix)
	}
	return nil
}
