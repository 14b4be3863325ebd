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
		for range 2 { // the second time from memory
			if err := v.Check(text, "studio", 0, 0); err != nil {
				t.Error(err)
			}
		}
		time.Sleep(time.Minute - time.Second)
		if err := v.Check(text, "studio", 0, 0); err != nil {
			t.Errorf("a second before it expires: %v", err)
		}
		time.Sleep(time.Second)
		if err := v.Check(text, "studio", 0, 0); !errors.Is(err, ErrExpired) {
			t.Errorf("when it expires: %v", err)
		}
		if err := NewVerifier(public).Check(text, "studio", 0, 0); !errors.Is(err, ErrExpired) {
			t.Errorf("when it is first used after that: %v", err)
		}
		if err := v.Check(text, "studio", 0, time.Second); err != nil {
			t.Errorf("within the grace: %v", err)
		}
		time.Sleep(time.Second)
		if err := v.Check(text, "studio", 0, time.Second); !errors.Is(err, ErrExpired) {
			t.Errorf("after the grace: %v", err)
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
			t.Errorf("%q: %v", id, err)
		}
	}
}

// An app may sign tokens itself, and say from when on they are valid, and for whom else.
func TestVerifier_AcceptsTokensOfOtherPrograms(t *testing.T) {
	public, private := newKey(t)
	v, now := NewVerifier(public), time.Now()
	c := jwt.MapClaims{"aud": Audience, "sub": "studio", "exp": now.Add(time.Hour).Unix(), "iss": "app", "iat": now.Unix(), "jti": "1"}
	if err := v.Check(sign(t, jwt.SigningMethodEdDSA, private, c), "studio", 0, 0); err != nil {
		t.Error(err)
	}
	c["aud"] = []string{"elsewhere", Audience}
	if err := v.Check(sign(t, jwt.SigningMethodEdDSA, private, c), "studio", 0, 0); err != nil {
		t.Errorf("with two audiences: %v", err)
	}
	c["nbf"] = now.Add(time.Minute).Unix()
	if err := v.Check(sign(t, jwt.SigningMethodEdDSA, private, c), "studio", 0, 0); !errors.Is(err, ErrEarly) {
		t.Errorf("before its time: %v", err)
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
		t.Errorf("nothing: %v", err)
	}
	if err := NewVerifier(public).Check(valid, "studio", 0, 0); err != nil {
		t.Errorf("the one they were made from: %v", err)
	}
}

// The address of a playlist is the same for all viewers who get a token for the same time.
func TestSigner_MakesTheSameTokenAgain(t *testing.T) {
	_, private := newKey(t)
	s, expires := NewSigner(private), time.Unix(1_800_000_000, 500)
	if a, b := s.Sign("studio", 1, expires), s.Sign("studio", 1, expires.Add(100*time.Millisecond)); a != b {
		t.Errorf("%s, then %s", a, b)
	}
	if n := len(s.Sign(strings.Repeat("x", 64), 1<<30, expires)); n > 400 {
		t.Errorf("the token of the longest id has %d bytes", n)
	}
}

func TestCache_KeepsWhatIsUsedAndNoMoreThanItsLimit(t *testing.T) {
	var c cache
	used := &token{broadcast: "used"}
	c.add("used", used)
	for i := range 5 * maxRecent {
		c.add(fmt.Sprint(i), &token{})
		if i%(maxRecent/2) == 0 && c.find("used") != used {
			t.Fatalf("a token that is used is gone after %d others", i)
		}
	}
	if n := len(c.recent) + len(c.older); n > 2*maxRecent {
		t.Errorf("it holds %d tokens", n)
	}
	if c.find("0") != nil {
		t.Error("it still has the first of too many")
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
			t.Errorf("%q lets its holder watch", text)
		}
	})
}
