package playtoken

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// Keys as OpenSSL 3.0 writes them: RFC 8410 section 10.
const (
	privatePEM = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n-----END PRIVATE KEY-----\n"
	publicPEM  = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n-----END PUBLIC KEY-----\n"
)

func write(t *testing.T, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "key.pem")
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestKeys_OfOpenSSLAreRead(t *testing.T) {
	private, err := ReadPrivateKey(write(t, privatePEM))
	if err != nil {
		t.Fatal(err)
	}
	public, err := ReadPublicKey(write(t, publicPEM))
	if err != nil {
		t.Fatal(err)
	}
	if err := NewVerifier(public).Check(NewSigner(private).Sign("b", 0, time.Now().Add(time.Hour))[1:], "b", 0, 0); err != nil {
		t.Error(err)
	}
}

func TestOpenPrivateKey_CreatesOneKeyThatOnlyItsOwnerCanRead(t *testing.T) {
	name := filepath.Join(t.TempDir(), "data", "playback.key")
	first, err := OpenPrivateKey(name)
	if err != nil {
		t.Fatal(err)
	}
	again, err := OpenPrivateKey(name)
	if err != nil || !first.Equal(again) {
		t.Errorf("opened again: another key, error %v", err)
	}
	info, err := os.Stat(name)
	if err != nil {
		t.Fatal(err)
	}
	if mode := info.Mode().Perm(); runtime.GOOS != "windows" && mode != 0o600 {
		t.Errorf("the mode of the key file is %o, want 600", mode)
	}
	files, err := os.ReadDir(filepath.Dir(name))
	if err != nil || len(files) != 1 {
		t.Errorf("%d files in the folder, want 1; error %v", len(files), err)
	}
}

func TestOpenPrivateKey_DoesNotReplaceAnUnreadableKey(t *testing.T) {
	name := write(t, "-----BEGIN PRIVATE KEY-----\ncut off")
	if _, err := OpenPrivateKey(name); err == nil || !strings.Contains(err.Error(), name) {
		t.Errorf("error is %v, want one that names the file", err)
	}
	if text, err := os.ReadFile(name); err != nil || !strings.HasSuffix(string(text), "cut off") {
		t.Errorf("the file was changed to %q, error %v", text, err)
	}
}

func TestKeys_OtherFilesAreRefused(t *testing.T) {
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(ec)
	if err != nil {
		t.Fatal(err)
	}
	public, err := x509.MarshalPKIXPublicKey(ec.Public())
	if err != nil {
		t.Fatal(err)
	}
	encode := func(kind string, der []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
	}
	for name, text := range map[string]string{
		"nothing":           "",
		"a private key":     privatePEM,
		"another algorithm": encode("PUBLIC KEY", public),
		"no key":            strings.Replace(publicPEM, "MCow", "AAAA", 1),
	} {
		if key, err := ReadPublicKey(write(t, text)); err == nil {
			t.Errorf("%s: read key %v, want an error", name, key)
		}
	}
	for name, text := range map[string]string{
		"nothing":           "",
		"a public key":      publicPEM,
		"another algorithm": encode("PRIVATE KEY", private),
		"no key":            strings.Replace(privatePEM, "MC4C", "AAAA", 1),
	} {
		if key, err := ReadPrivateKey(write(t, text)); err == nil {
			t.Errorf("%s: read key %v, want an error", name, key)
		}
	}
}
