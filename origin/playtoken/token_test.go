package playtoken

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// newKey returns a pair of keys.
func newKey(t testing.TB) (ed25519.PublicKey, ed25519.PrivateKey) {
	t.Helper()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return public, private
}

// sign signs any claims with any method.
func sign(t *testing.T, method jwt.SigningMethod, key any, c jwt.MapClaims) string {
	t.Helper()
	text, err := jwt.NewWithClaims(method, c).SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestVerifier_AcceptsATokenUntilItExpires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		public, private := newKey(t)
		v := NewVerifier(public)
		text := strings.TrimPrefix(NewSigner(private).Sign("studio", 0, time.Now().Add(time.Minute)), Mark)
		for range 2 { // the second time from the cache
			if err := v.Check(text, "studio", 0, 0); err != nil {
				t.Error(err)
			}
		}
		time.Sleep(time.Minute - time.Second)
		if err := v.Check(text, "studio", 0, 0); err != nil {
			t.Errorf("a second before the token expires: error %v", err)
		}
		time.Sleep(time.Second)
		if err := v.Check(text, "studio", 0, 0); !errors.Is(err, ErrExpired) {
			t.Errorf("when the token expires: error %v, want %v", err, ErrExpired)
		}
		if err := NewVerifier(public).Check(text, "studio", 0, 0); !errors.Is(err, ErrExpired) {
			t.Errorf("first use of an expired token: error %v, want %v", err, ErrExpired)
		}
		if err := v.Check(text, "studio", 0, time.Second); err != nil {
			t.Errorf("within the grace period: error %v", err)
		}
		time.Sleep(time.Second)
		if err := v.Check(text, "studio", 0, time.Second); !errors.Is(err, ErrExpired) {
			t.Errorf("after the grace period: error %v, want %v", err, ErrExpired)
		}
	})
}

func TestVerifier_RefusesATokenOfAnEarlierGeneration(t *testing.T) {
	public, private := newKey(t)
	v := NewVerifier(public)
	text := NewSigner(private).Sign("studio", 3, time.Now().Add(time.Hour))[1:]
	for generation, want := range map[int]error{
		2: nil, // this node has not yet heard of the third
		3: nil,
		4: ErrRevoked,
	} {
		if err := v.Check(text, "studio", generation, time.Hour); !errors.Is(err, want) {
			t.Errorf("generation %d: %v, want %v", generation, err, want)
		}
	}
}

func TestVerifier_RefusesATokenForAnotherBroadcast(t *testing.T) {
	public, private := newKey(t)
	text := NewSigner(private).Sign("studio", 0, time.Now().Add(time.Hour))[1:]
	for _, id := range []string{"stage", "Studio", "studio2", ""} {
		if err := NewVerifier(public).Check(text, id, 0, 0); !errors.Is(err, ErrOtherBroadcast) {
			t.Errorf("token of studio for %q: error is %v, want %v", id, err, ErrOtherBroadcast)
		}
	}
}

// Another program may sign tokens, with a time from which they are valid and with more audiences.
func TestVerifier_AcceptsTokensOfOtherPrograms(t *testing.T) {
	public, private := newKey(t)
	v, now := NewVerifier(public), time.Now()
	c := jwt.MapClaims{"aud": Audience, "sub": "studio", "exp": now.Add(time.Hour).Unix(), "iss": "app", "iat": now.Unix(), "jti": "1"}
	if err := v.Check(sign(t, jwt.SigningMethodEdDSA, private, c), "studio", 0, 0); err != nil {
		t.Error(err)
	}
	c["aud"] = []string{"elsewhere", Audience}
	if err := v.Check(sign(t, jwt.SigningMethodEdDSA, private, c), "studio", 0, 0); err != nil {
		t.Errorf("with two audiences: error %v", err)
	}
	c["nbf"] = now.Add(time.Minute).Unix()
	if err := v.Check(sign(t, jwt.SigningMethodEdDSA, private, c), "studio", 0, 0); !errors.Is(err, ErrEarly) {
		t.Errorf("before the token is valid: error %v", err)
	}
}

func TestVerifier_RefusesWhatItsKeyDidNotSign(t *testing.T) {
	public, private := newKey(t)
	_, other := newKey(t)
	good := jwt.MapClaims{"aud": Audience, "sub": "studio", "exp": time.Now().Add(time.Hour).Unix()}
	without := func(name string, value any) jwt.MapClaims {
		c := jwt.MapClaims{}
		maps.Copy(c, good)
		if delete(c, name); value != nil {
			c[name] = value
		}
		return c
	}
	valid := sign(t, jwt.SigningMethodEdDSA, private, good)
	parts := strings.Split(valid, ".")
	encode := func(v any) string {
		text, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return base64.RawURLEncoding.EncodeToString(text)
	}
	for name, text := range map[string]string{
		"no token":                  "token",
		"dots":                      "..",
		"another key":               sign(t, jwt.SigningMethodEdDSA, other, good),
		"no signature":              parts[0] + "." + parts[1] + ".",
		"a wrong signature":         parts[0] + "." + parts[1] + "." + strings.Repeat("A", 86),
		"other claims":              parts[0] + "." + encode(without("sub", "stage")) + "." + parts[2],
		"alg none":                  sign(t, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, good),
		"alg none with a signature": encode(map[string]string{"alg": "none"}) + "." + parts[1] + "." + parts[2],
		"HS256 with the public key": sign(t, jwt.SigningMethodHS256, []byte(public), good),
		"no alg":                    encode(map[string]string{}) + "." + parts[1] + "." + parts[2],
		"no audience":               sign(t, jwt.SigningMethodEdDSA, private, without("aud", nil)),
		"another audience":          sign(t, jwt.SigningMethodEdDSA, private, without("aud", "golive")),
		"no subject":                sign(t, jwt.SigningMethodEdDSA, private, without("sub", nil)),
		"no expiry":                 sign(t, jwt.SigningMethodEdDSA, private, without("exp", nil)),
		"an expiry in words":        sign(t, jwt.SigningMethodEdDSA, private, without("exp", "tomorrow")),
		"a generation in words":     sign(t, jwt.SigningMethodEdDSA, private, without("gen", "first")),
		"a padded token":            valid + "=",
		"a newline":                 valid + "\n",
		"a longer one":              sign(t, jwt.SigningMethodEdDSA, private, without("jti", strings.Repeat("x", maxLength))),
	} {
		v := NewVerifier(public)
		for range 2 {
			if err := v.Check(text, "studio", 0, time.Hour); !errors.Is(err, ErrInvalid) {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	if err := NewVerifier(public).Check("", "studio", 0, 0); !errors.Is(err, ErrMissing) {
		t.Errorf("an empty token: error %v", err)
	}
	if err := NewVerifier(public).Check(valid, "studio", 0, 0); err != nil {
		t.Errorf("the valid token that the others were made from: error %v", err)
	}
}

// The address of a playlist is the same for all viewers who get a token for the same time.
func TestSigner_MakesTheSameTokenAgain(t *testing.T) {
	_, private := newKey(t)
	s, expires := NewSigner(private), time.Unix(1_800_000_000, 500)
	if a, b := s.Sign("studio", 1, expires), s.Sign("studio", 1, expires.Add(100*time.Millisecond)); a != b {
		t.Errorf("tokens are %s and %s, want the same", a, b)
	}
	if n := len(s.Sign(strings.Repeat("x", 64), 1<<30, expires)); n > 400 {
		t.Errorf("the token of the longest id has %d bytes", n)
	}
}

func TestCache_KeepsUsedTokensWithinItsLimit(t *testing.T) {
	var c cache
	used := &token{broadcast: "used"}
	c.add("used", used)
	for i := range 5 * maxRecent {
		c.add(fmt.Sprint(i), &token{})
		if i%(maxRecent/2) == 0 && c.find("used") != used {
			t.Fatalf("a token in use was dropped after %d others", i)
		}
	}
	if n := len(c.recent) + len(c.older); n > 2*maxRecent {
		t.Errorf("the cache holds %d tokens", n)
	}
	if c.find("0") != nil {
		t.Error("the cache still holds the oldest token")
	}
}

func BenchmarkVerifier_Check(b *testing.B) {
	public, private := newKey(b)
	text := NewSigner(private).Sign("studio", 0, time.Now().Add(time.Hour))[1:]
	b.Run("known", func(b *testing.B) {
		v := NewVerifier(public)
		b.ReportAllocs()
		for b.Loop() {
			if v.Check(text, "studio", 0, 0) != nil {
				b.Fatal("refused")
			}
		}
	})
	b.Run("unknown", func(b *testing.B) {
		v := NewVerifier(public)
		b.ReportAllocs()
		for b.Loop() {
			if _, err := v.verify(text); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func FuzzVerifier_Check(f *testing.F) {
	public, private := newKey(f)
	f.Add(NewSigner(private).Sign("stage", 0, time.Now().Add(time.Hour))[1:])
	f.Add("e30.e30.")
	f.Add("eyJhbGciOiJub25lIn0.eyJzdWIiOiJzdHVkaW8ifQ.")
	v := NewVerifier(public)
	f.Fuzz(func(t *testing.T, text string) {
		if v.Check(text, "studio", 0, time.Hour) == nil {
			t.Errorf("%q is accepted as a token", text)
		}
	})
}
