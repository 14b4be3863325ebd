package auth

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-cmp/cmp"

	"golive/internal/setting"
	"golive/rollout"
)

const secret = "a-secret-of-the-app-with-32-bytes-or-more"

func sign(t *testing.T, method jwt.SigningMethod, key any, kid string, claims jwt.MapClaims) string {
	t.Helper()
	token := jwt.NewWithClaims(method, claims)
	if kid != "" {
		token.Header["kid"] = kid
	}
	text, err := token.SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// valid returns the claims of a token that is accepted.
func valid() jwt.MapClaims {
	return jwt.MapClaims{"sub": "ann", "iss": "app", "aud": "golive", "exp": time.Now().Add(time.Hour).Unix()}
}

func with(change func(jwt.MapClaims)) jwt.MapClaims {
	c := valid()
	change(c)
	return c
}

func symmetric() Config {
	return Config{JWT: JWTConfig{Secret: setting.NewSecret(secret), Issuer: "app", Audience: "golive", UserClaim: "sub"}}
}

func TestTokens_NameTheUserAndAttributes(t *testing.T) {
	a := newAuthenticator(t, symmetric())
	created := time.Unix(1_700_000_000, 0)
	claims := with(func(c jwt.MapClaims) {
		c["platform"], c["app_version"], c["country"], c["followers"], c["account_created"] = "android", "8.2", "DE", 12, created.Unix()
	})
	got, err := a.Identify(t.Context(), bearer(sign(t, jwt.SigningMethodHS256, []byte(secret), "", claims)))
	want := rollout.User{ID: "ann", Platform: "android", AppVersion: "8.2", Country: "DE", Followers: 12, Created: created}
	if diff := cmp.Diff(want, got.User); err != nil || diff != "" {
		t.Errorf("%v %s", err, diff)
	}
	if !got.Has(ReadBroadcasts) || !got.Has(WriteBroadcasts) || !got.Has(ReadGolive) || got.Everyone() || got.Open {
		t.Errorf("%+v", got)
	}
}

func TestTokens_AttributesAreNotTakenFromHeaders(t *testing.T) {
	h := bearer(sign(t, jwt.SigningMethodHS256, []byte(secret), "", valid()))
	h.Set("Golive-User", "ann")
	h.Set("Golive-Country", "DE")
	got, err := newAuthenticator(t, symmetric()).Identify(t.Context(), h)
	if err != nil || got.User != (rollout.User{ID: "ann"}) {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestAuthenticator_RefusesUsersWhoNameSomebodyElse(t *testing.T) {
	for name, one := range map[string]struct {
		c Config
		h http.Header
	}{
		"a token":   {symmetric(), bearer(sign(t, jwt.SigningMethodHS256, []byte(secret), "", valid()))},
		"open mode": {DefaultConfig(), bearer("dev:ann")},
	} {
		a := newAuthenticator(t, one.c)
		for _, names := range [][]string{{"bob"}, {""}, {"ann", "bob"}} {
			one.h["Golive-User"] = names
			if got, err := a.Identify(t.Context(), one.h); !errors.Is(err, ErrForbidden) || !got.Anonymous() {
				t.Errorf("%s, %q: %+v, %v", name, names, got, err)
			}
		}
		one.h["Golive-User"] = []string{"ann"}
		if got, err := a.Identify(t.Context(), one.h); err != nil || got.User.ID != "ann" {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

func TestTokens_RefuseWhatTheAppDidNotSign(t *testing.T) {
	a := newAuthenticator(t, symmetric())
	hs := func(c jwt.MapClaims) string { return sign(t, jwt.SigningMethodHS256, []byte(secret), "", c) }
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	encode := func(v any) string {
		text, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return base64.RawURLEncoding.EncodeToString(text)
	}
	good := strings.Split(hs(valid()), ".")
	for name, text := range map[string]string{
		"expired":              hs(with(func(c jwt.MapClaims) { c["exp"] = time.Now().Add(-time.Minute).Unix() })),
		"without exp":          hs(with(func(c jwt.MapClaims) { delete(c, "exp") })),
		"not valid yet":        hs(with(func(c jwt.MapClaims) { c["nbf"] = time.Now().Add(time.Minute).Unix() })),
		"from the future":      hs(with(func(c jwt.MapClaims) { c["iat"] = time.Now().Add(time.Minute).Unix() })),
		"another issuer":       hs(with(func(c jwt.MapClaims) { c["iss"] = "other" })),
		"without an issuer":    hs(with(func(c jwt.MapClaims) { delete(c, "iss") })),
		"another audience":     hs(with(func(c jwt.MapClaims) { c["aud"] = []string{"a", "b"} })),
		"without a user":       hs(with(func(c jwt.MapClaims) { delete(c, "sub") })),
		"an empty user":        hs(with(func(c jwt.MapClaims) { c["sub"] = "" })),
		"a list of users":      hs(with(func(c jwt.MapClaims) { c["sub"] = []string{"ann"} })),
		"a long user":          hs(with(func(c jwt.MapClaims) { c["sub"] = strings.Repeat("x", 257) })),
		"a control character":  hs(with(func(c jwt.MapClaims) { c["sub"] = "a\nb" })),
		"another secret":       sign(t, jwt.SigningMethodHS256, []byte("another-"+secret), "", valid()),
		"an empty secret":      sign(t, jwt.SigningMethodHS256, []byte(""), "", valid()),
		"HS512":                sign(t, jwt.SigningMethodHS512, []byte(secret), "", valid()),
		"RS256":                sign(t, jwt.SigningMethodRS256, rsaKey, "", valid()),
		"alg none":             sign(t, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, "", valid()),
		"alg nOnE":             encode(map[string]string{"alg": "nOnE"}) + "." + good[1] + ".",
		"without a signature":  good[0] + "." + good[1] + ".",
		"other claims":         good[0] + "." + encode(with(func(c jwt.MapClaims) { c["sub"] = "bob" })) + "." + good[2],
		"no JSON":              "a.b.c",
		"empty parts":          "..",
		"a token of 1 MB":      hs(with(func(c jwt.MapClaims) { c["x"] = strings.Repeat("x", 1<<20) })),
		"exp of another type":  hs(with(func(c jwt.MapClaims) { c["exp"] = "tomorrow" })),
		"exp beyond all times": hs(with(func(c jwt.MapClaims) { c["exp"] = -1e300 })),
	} {
		got, err := a.Identify(t.Context(), bearer(text))
		if !errors.Is(err, ErrUnauthorized) || !got.Anonymous() {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
		if err != nil && (len(err.Error()) > 200 || strings.Contains(err.Error(), good[2])) {
			t.Errorf("%s: the error quotes the token: %.300v", name, err)
		}
	}
	if _, err := a.Identify(t.Context(), bearer(hs(with(func(c jwt.MapClaims) { c["exp"] = time.Now().Add(-20 * time.Second).Unix() })))); err != nil {
		t.Errorf("within the leeway: %v", err)
	}
}

// signer has a key of each kind, and the set of the public ones.
type signer struct {
	rsa *rsa.PrivateKey
	ec  *ecdsa.PrivateKey
}

func newSigner(t *testing.T) signer {
	t.Helper()
	r, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	e, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return signer{r, e}
}

func (s signer) set(t *testing.T) []byte {
	t.Helper()
	point, err := s.ec.PublicKey.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	b64 := base64.RawURLEncoding.EncodeToString
	text, err := json.Marshal(map[string]any{"keys": []map[string]any{
		{"kty": "unknown", "kid": "new"},
		{"kty": "oct", "kid": "symmetric", "k": b64([]byte(secret))},
		{"kty": "RSA", "kid": "r", "alg": "RS256", "use": "sig", "n": b64(s.rsa.N.Bytes()), "e": b64(big.NewInt(int64(s.rsa.E)).Bytes())},
		{"kty": "EC", "kid": "e", "crv": "P-256", "x": b64(point[1:33]), "y": b64(point[33:])},
	}})
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestTokens_AreCheckedWithAKeySetFromAFile(t *testing.T) {
	s, file := newSigner(t), filepath.Join(t.TempDir(), "jwks.json")
	if err := os.WriteFile(file, s.set(t), 0o600); err != nil {
		t.Fatal(err)
	}
	a := newAuthenticator(t, Config{JWT: JWTConfig{JWKSFile: file, UserClaim: "uid"}})
	claims := with(func(c jwt.MapClaims) { c["uid"] = 12345 })
	for name, text := range map[string]string{
		"RS256":       sign(t, jwt.SigningMethodRS256, s.rsa, "r", claims),
		"ES256":       sign(t, jwt.SigningMethodES256, s.ec, "e", claims),
		"without kid": sign(t, jwt.SigningMethodES256, s.ec, "", claims),
	} {
		if got, err := a.Identify(t.Context(), bearer(text)); err != nil || got.User.ID != "12345" {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	public := s.rsa.N.Bytes()
	other := newSigner(t)
	embedded := jwt.NewWithClaims(jwt.SigningMethodRS256, claims)
	embedded.Header["jku"], embedded.Header["jwk"] = "http://127.0.0.1:1/keys", json.RawMessage(other.set(t))
	embedded.Header["kid"] = "r"
	own, err := embedded.SignedString(other.rsa)
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"HS256 with the public key":      sign(t, jwt.SigningMethodHS256, public, "r", claims),
		"HS256 with the symmetric key":   sign(t, jwt.SigningMethodHS256, []byte(secret), "symmetric", claims),
		"another's key":                  sign(t, jwt.SigningMethodRS256, other.rsa, "r", claims),
		"a key in the token":             own,
		"an unknown kid":                 sign(t, jwt.SigningMethodRS256, s.rsa, "x", claims),
		"a path as kid":                  sign(t, jwt.SigningMethodRS256, s.rsa, "../../../../dev/null", claims),
		"SQL as kid":                     sign(t, jwt.SigningMethodRS256, s.rsa, "x' UNION SELECT 'r", claims),
		"the kid of another type's key":  sign(t, jwt.SigningMethodRS256, s.rsa, "e", claims),
		"an algorithm the key is not of": sign(t, jwt.SigningMethodPS256, s.rsa, "r", claims),
		"alg none":                       sign(t, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, "r", claims),
	} {
		if got, err := a.Identify(t.Context(), bearer(text)); !errors.Is(err, ErrUnauthorized) || !got.Anonymous() {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

// keyServer serves key sets.
type keyServer struct {
	asked  atomic.Int32
	answer atomic.Value // func(http.ResponseWriter, *http.Request)
}

func newKeyServer(t *testing.T, answer func(http.ResponseWriter, *http.Request)) (k *keyServer, url string) {
	t.Helper()
	k = &keyServer{}
	k.answer.Store(answer)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		k.asked.Add(1)
		f, _ := k.answer.Load().(func(http.ResponseWriter, *http.Request))
		f(w, r)
	}))
	t.Cleanup(server.Close)
	return k, server.URL + "/jwks.json"
}

func sends(text []byte) func(http.ResponseWriter, *http.Request) {
	return func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(text) }
}

func TestTokens_FetchTheKeySetOnce(t *testing.T) {
	s := newSigner(t)
	k, url := newKeyServer(t, sends(s.set(t)))
	a := newAuthenticator(t, Config{JWT: JWTConfig{JWKSURL: url, UserClaim: "sub"}})
	for range 3 {
		if got, err := a.Identify(t.Context(), bearer(sign(t, jwt.SigningMethodRS256, s.rsa, "r", valid()))); err != nil || got.User.ID != "ann" {
			t.Fatalf("%+v, %v", got, err)
		}
		// A key that does not exist causes no further fetch within retryAfter.
		if _, err := a.Identify(t.Context(), bearer(sign(t, jwt.SigningMethodRS256, s.rsa, "x", valid()))); !errors.Is(err, ErrUnauthorized) {
			t.Fatal(err)
		}
	}
	if k.asked.Load() != 1 {
		t.Errorf("fetched %d times", k.asked.Load())
	}
}

func TestTokens_FetchAgainForANewKey(t *testing.T) {
	old, s := newSigner(t), newSigner(t)
	renamed := []byte(strings.ReplaceAll(string(s.set(t)), `"kid":"r"`, `"kid":"r2"`))
	k, url := newKeyServer(t, sends(old.set(t)))
	a := newAuthenticator(t, Config{JWT: JWTConfig{JWKSURL: url, UserClaim: "sub"}})
	if _, err := a.Identify(t.Context(), bearer(sign(t, jwt.SigningMethodRS256, old.rsa, "r", valid()))); err != nil {
		t.Fatal(err)
	}
	k.answer.Store(sends(renamed))
	before := time.Now().Add(-retryAfter)
	a.tokens.set.tried.Store(&before) // the last fetch was a while ago
	if _, err := a.Identify(t.Context(), bearer(sign(t, jwt.SigningMethodRS256, s.rsa, "r2", valid()))); err != nil {
		t.Error(err)
	}
	if k.asked.Load() != 2 {
		t.Errorf("fetched %d times", k.asked.Load())
	}
}

func TestTokens_CannotBeCheckedWithoutAKeySet(t *testing.T) {
	s := newSigner(t)
	private, privateURL := newKeyServer(t, sends(s.set(t)))
	for name, answer := range map[string]func(http.ResponseWriter, *http.Request){
		"an error":           func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) },
		"no JSON":            sends([]byte("<html>")),
		"an empty set":       sends([]byte(`{"keys":[]}`)),
		"symmetric keys":     sends([]byte(`{"keys":[{"kty":"oct","kid":"r","k":"c2VjcmV0"}]}`)),
		"more than 1 MiB":    sends([]byte(`{"keys":[],"x":"` + strings.Repeat("x", maxKeySet) + `"}`)),
		"a private redirect": func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, privateURL, http.StatusFound) },
		"a private name": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, strings.Replace(privateURL, "127.0.0.1", "localhost", 1), http.StatusFound)
		},
		"a file": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "file:///etc/passwd", http.StatusFound)
		},
		"redirects forever": func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, r.URL.Path, http.StatusFound) },
		"no answer":         func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
	} {
		t.Run(name, func(t *testing.T) {
			k, url := newKeyServer(t, answer)
			a := newAuthenticator(t, Config{JWT: JWTConfig{JWKSURL: url, UserClaim: "sub"}})
			for range 2 {
				if _, err := a.Identify(t.Context(), bearer(sign(t, jwt.SigningMethodRS256, s.rsa, "r", valid()))); !errors.Is(err, ErrAway) {
					t.Errorf("%v", err)
				}
			}
			if name != "redirects forever" && k.asked.Load() != 1 {
				t.Errorf("fetched %d times", k.asked.Load())
			}
		})
	}
	if private.asked.Load() != 0 {
		t.Error("the private address was asked")
	}
}

func TestKeySet_KeepsTheOldKeysWhenAFetchFails(t *testing.T) {
	s := newSigner(t)
	k, url := newKeyServer(t, sends(s.set(t)))
	a := newAuthenticator(t, Config{JWT: JWTConfig{JWKSURL: url, UserClaim: "sub"}})
	text := bearer(sign(t, jwt.SigningMethodES256, s.ec, "e", valid()))
	if _, err := a.Identify(t.Context(), text); err != nil {
		t.Fatal(err)
	}
	k.answer.Store(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "broken") })
	set := a.tokens.set
	long := time.Now().Add(-time.Hour)
	set.tried.Store(&long)
	set.current.Store(&loadedKeys{keys: set.current.Load().keys, at: long})
	if _, err := a.Identify(t.Context(), text); err != nil || k.asked.Load() != 2 {
		t.Errorf("%v, fetched %d times", err, k.asked.Load())
	}
}
