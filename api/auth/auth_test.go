package auth

import (
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"golive/internal/setting"
	"golive/rollout"
)

func discard() *slog.Logger { return slog.New(slog.DiscardHandler) }

func newAuthenticator(t *testing.T, c Config) *Authenticator {
	t.Helper()
	if err := c.Validate(); err != nil {
		t.Fatal(err)
	}
	a, err := New(c, discard())
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func headers(pairs ...string) http.Header {
	h := http.Header{}
	for i := 0; i < len(pairs); i += 2 {
		h.Add(pairs[i], pairs[i+1])
	}
	return h
}

func bearer(text string) http.Header { return headers("Authorization", "Bearer "+text) }

func TestAuthenticator_WithoutCredentialsIsAnonymous(t *testing.T) {
	for _, c := range []Config{DefaultConfig(), withKeys()} {
		got, err := newAuthenticator(t, c).Identify(t.Context(), http.Header{})
		if err != nil || !got.Anonymous() || got.Has(ReadBroadcasts) || got.Everyone() {
			t.Errorf("%+v, %v", got, err)
		}
	}
}

func TestAuthenticator_AcceptsAnyUserInOpenMode(t *testing.T) {
	a := newAuthenticator(t, DefaultConfig())
	h := bearer("dev:Ann Müller")
	h.Set("Golive-Platform", "ios")
	h.Set("Golive-Followers", "12")
	h.Set("Golive-Account-Created", "2026-01-02T03:04:05Z")
	got, err := a.Identify(t.Context(), h)
	want := Caller{Open: true, User: rollout.User{ID: "Ann Müller", Platform: "ios", Followers: 12, Created: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreUnexported(Caller{})); diff != "" || err != nil || !got.Has(WriteBroadcasts) || got.Everyone() {
		t.Errorf("%v %s", err, diff)
	}
	for _, wrong := range []string{"dev:", "dev:a\x00b", "dev:a\u202eb", "dev:" + strings.Repeat("x", 257), "dev:\xff"} {
		if _, err := a.Identify(t.Context(), bearer(wrong)); !errors.Is(err, ErrUnauthorized) {
			t.Errorf("%.20q: %v", wrong, err)
		}
	}
}

const (
	backendKey = "backend-key-of-more-than-32-characters"
	readerKey  = "reader-key-of-more-than-32-characters-"
)

// withKeys returns a configuration with API keys.
func withKeys() Config {
	c := DefaultConfig()
	c.Open = false
	c.Keys = []KeyConfig{
		{ID: "backend", Key: setting.NewSecret(backendKey), Scopes: []string{"broadcasts:write", "golive:read"}},
		{ID: "reader", Key: setting.NewSecret(readerKey), Scopes: []string{"broadcasts:read"}},
	}
	return c
}

func TestAuthenticator_ServersActForAllOrForOne(t *testing.T) {
	a := newAuthenticator(t, withKeys())
	got, err := a.Identify(t.Context(), bearer(backendKey))
	if err != nil || got.Server != "backend" || !got.Everyone() || !got.Has(WriteBroadcasts) || got.Has(ReadBroadcasts) {
		t.Errorf("%+v, %v", got, err)
	}
	h := bearer(readerKey)
	h.Set("Golive-User", "ann")
	h.Set("Golive-Country", "DE")
	got, err = a.Identify(t.Context(), h)
	if err != nil || got.User.ID != "ann" || got.User.Country != "DE" || got.Everyone() || got.Has(WriteBroadcasts) || !got.Has(ReadBroadcasts) {
		t.Errorf("%+v, %v", got, err)
	}
	h.Add("Golive-User", "bob")
	if _, err := a.Identify(t.Context(), h); !errors.Is(err, ErrUnauthorized) {
		t.Errorf("two users: %v", err)
	}
}

func TestAuthenticator_RefusesOtherCredentials(t *testing.T) {
	a := newAuthenticator(t, withKeys())
	for name, h := range map[string]http.Header{
		"an unknown key":     bearer("another-key-of-more-than-32-characters"),
		"a part of a key":    bearer(backendKey[:32]),
		"a key and more":     bearer(backendKey + "x"),
		"dev in closed mode": bearer("dev:ann"),
		"no token":           headers("Authorization", "Bearer "),
		"another scheme":     headers("Authorization", "Basic "+backendKey),
		"two headers":        headers("Authorization", "Bearer "+backendKey, "Authorization", "Bearer "+readerKey),
		"a token, not a key": bearer("a.b.c"),
		"an empty user":      headers("Authorization", "Bearer "+backendKey, "Golive-User", ""),
	} {
		if got, err := a.Identify(t.Context(), h); !errors.Is(err, ErrUnauthorized) || !got.Anonymous() {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

func TestConfig_RefusesWhatIsNotSafe(t *testing.T) {
	for want, change := range map[string]func(*Config){
		"open: must be false":                      func(c *Config) { c.Keys = withKeys().Keys },
		"jwt.secret: must have at least 32 bytes":  func(c *Config) { c.Open, c.JWT.Secret = false, setting.NewSecret("short") },
		"jwt: secret, jwks_url and jwks_file":      func(c *Config) { c.Open, c.JWT.JWKSURL, c.JWT.JWKSFile = false, "https://a.test/", "f" },
		"jwt.jwks_url":                             func(c *Config) { c.Open, c.JWT.JWKSURL = false, "ftp://a.test/" },
		"jwt.user_claim":                           func(c *Config) { c.Open, c.JWT.JWKSFile, c.JWT.UserClaim = false, "f", "" },
		"keys[0].id":                               func(c *Config) { *c = withKeys(); c.Keys[0].ID = "" },
		"keys[0].key: must have at least":          func(c *Config) { *c = withKeys(); c.Keys[0].Key = setting.NewSecret("short") },
		"keys[0].key: must be ASCII":               func(c *Config) { *c = withKeys(); c.Keys[0].Key = setting.NewSecret(strings.Repeat("a b", 20)) },
		`keys[0].key: must not begin with "dev:"`:  func(c *Config) { *c = withKeys(); c.Keys[0].Key = setting.NewSecret("dev:" + backendKey) },
		"keys[1].key: is the same":                 func(c *Config) { *c = withKeys(); c.Keys[1].Key = c.Keys[0].Key },
		"keys[0].scopes: must hold at least one":   func(c *Config) { *c = withKeys(); c.Keys[0].Scopes = nil },
		"keys[0].scopes[0]: must be one of broadc": func(c *Config) { *c = withKeys(); c.Keys[0].Scopes = []string{"all"} },
	} {
		c := DefaultConfig()
		change(&c)
		if err := c.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}
