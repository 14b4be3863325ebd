package certificate

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"log/slog"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// newCertificate creates a self-signed certificate for name, and its key.
func newCertificate(t *testing.T, name string, life time.Duration) (cert, key []byte) {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotBefore: time.Now().Add(-48 * time.Hour), NotAfter: time.Now().Add(life),
	}
	c, err := x509.CreateCertificate(rand.Reader, template, template, &k.PublicKey, k)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
}

// folder holds the files of a certificate and its key, the Files that serves them, and its log.
type folder struct {
	t         *testing.T
	cert, key string
	log       bytes.Buffer
	files     *Files
	writes    int
}

func newFolder(t *testing.T, name string) *folder {
	t.Helper()
	dir := t.TempDir()
	d := &folder{t: t, cert: filepath.Join(dir, "cert.pem"), key: filepath.Join(dir, "key.pem")}
	cert, key := newCertificate(t, name, time.Hour)
	d.write(d.cert, cert)
	d.write(d.key, key)
	return d
}

func (d *folder) write(name string, content []byte) {
	d.t.Helper()
	if err := os.WriteFile(name, content, 0o600); err != nil {
		d.t.Fatal(err)
	}
	// Two writes in a row may get the same modification time.
	d.writes++
	at := time.Unix(1_700_000_000+int64(d.writes), 0)
	if err := os.Chtimes(name, at, at); err != nil {
		d.t.Fatal(err)
	}
}

func (d *folder) open() {
	d.t.Helper()
	f, err := Open(d.cert, d.key, slog.New(slog.NewTextHandler(&d.log, nil)))
	if err != nil {
		d.t.Fatal(err)
	}
	d.files = f
}

// served returns the name of the certificate that a handshake gets.
func (d *folder) served() string {
	d.t.Helper()
	c, err := d.files.Config().GetCertificate(&tls.ClientHelloInfo{})
	if err != nil {
		d.t.Fatal(err)
	}
	return c.Leaf.Subject.CommonName
}

func (d *folder) checkServed(name string) {
	d.t.Helper()
	if got := d.served(); got != name {
		d.t.Errorf("the certificate of %s is served, want that of %s", got, name)
	}
}

func (d *folder) warnings() int { return strings.Count(d.log.String(), "level=WARN") }

func TestFiles_ChangedCertificateIsServed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newFolder(t, "old")
		d.open()
		d.checkServed("old")
		cert, key := newCertificate(t, "new", time.Hour)
		d.write(d.cert, cert)
		d.write(d.key, key)
		d.checkServed("old") // the files were checked less than checkEvery ago
		<-time.After(checkEvery)
		d.checkServed("new")
		if d.warnings() != 0 {
			t.Errorf("%d warnings, want none:\n%s", d.warnings(), &d.log)
		}
	})
}

func TestFiles_MismatchedKeyKeepsTheOldCertificateWithOneWarning(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newFolder(t, "old")
		d.open()
		cert, key := newCertificate(t, "new", time.Hour)
		d.write(d.cert, cert) // the key is still that of the old one
		for range 3 {
			<-time.After(checkEvery)
			d.checkServed("old")
		}
		if d.warnings() != 1 {
			t.Errorf("%d warnings, want 1:\n%s", d.warnings(), &d.log)
		}
		d.write(d.key, key)
		<-time.After(checkEvery)
		d.checkServed("new")
	})
}

func TestFiles_MissingFileKeepsTheOldCertificateWithOneWarning(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newFolder(t, "old")
		d.open()
		if err := os.Remove(d.key); err != nil {
			t.Fatal(err)
		}
		for range 3 {
			<-time.After(checkEvery)
			d.checkServed("old")
		}
		if d.warnings() != 1 {
			t.Errorf("%d warnings, want 1:\n%s", d.warnings(), &d.log)
		}
		cert, key := newCertificate(t, "new", time.Hour)
		d.write(d.cert, cert)
		d.write(d.key, key)
		<-time.After(checkEvery)
		d.checkServed("new")
	})
}

func TestFiles_ChangedSymbolicLinkIsFollowed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, other := newFolder(t, "old"), newFolder(t, "new")
		for _, links := range [][2]string{{d.cert, other.cert}, {d.key, other.key}} {
			if err := os.Rename(links[0], links[0]+".real"); err != nil {
				t.Fatal(err)
			}
			if err := os.Symlink(links[0]+".real", links[0]); err != nil {
				t.Fatal(err)
			}
		}
		d.open()
		for _, links := range [][2]string{{d.cert, other.cert}, {d.key, other.key}} {
			if err := os.Remove(links[0]); err != nil {
				t.Fatal(err)
			}
			if err := os.Symlink(links[1], links[0]); err != nil {
				t.Fatal(err)
			}
		}
		<-time.After(checkEvery)
		d.checkServed("new")
	})
}

func TestFiles_ExpiredCertificateIsServedWithAWarning(t *testing.T) {
	d := newFolder(t, "old")
	cert, key := newCertificate(t, "late", -time.Hour)
	d.write(d.cert, cert)
	d.write(d.key, key)
	d.open()
	d.checkServed("late")
	if !strings.Contains(d.log.String(), "certificate expired") {
		t.Errorf("the log does not say that the certificate has expired:\n%s", &d.log)
	}
}

func TestOpen_NamesTheFileThatIsWrong(t *testing.T) {
	d := newFolder(t, "a")
	if _, err := Open(d.cert, d.cert+"x", slog.New(slog.DiscardHandler)); err == nil || !strings.Contains(err.Error(), d.cert+"x") {
		t.Errorf("missing key file: error is %v, want one that names the file", err)
	}
	if _, err := Open(d.cert, d.cert, slog.New(slog.DiscardHandler)); err == nil || !strings.Contains(err.Error(), d.cert) {
		t.Errorf("no key in the file: error is %v, want one that names the file", err)
	}
}
