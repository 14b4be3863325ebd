package certificate

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// checkEvery is the least interval between checks of the files.
const checkEvery = 2 * time.Second

// Files is a certificate in two files. It may be used by many goroutines.
type Files struct {
	certFile, keyFile string
	log               *slog.Logger
	current           atomic.Pointer[tls.Certificate]

	// checking is held while the files are checked. It is only acquired with TryLock.
	checking  sync.Mutex
	checkedAt time.Time
	seen      [2]os.FileInfo // of the files when they were last read
}

// Open reads the certificate and its chain from certFile and its key from keyFile, both PEM.
func Open(certFile, keyFile string, log *slog.Logger) (*Files, error) {
	f := &Files{certFile: certFile, keyFile: keyFile, log: log, checkedAt: time.Now()}
	seen, err := f.stat()
	if err != nil {
		return nil, err
	}
	f.seen = seen
	if err := f.read(); err != nil {
		return nil, err
	}
	return f, nil
}

// Config returns a TLS configuration for a listener: TLS 1.2 or later, and the current
// certificate.
func (f *Files) Config() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12,
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
			f.refresh()
			return f.current.Load(), nil
		},
	}
}

// refresh reads the files again if they have changed and no other goroutine does.
func (f *Files) refresh() {
	if !f.checking.TryLock() {
		return
	}
	defer f.checking.Unlock()
	if time.Since(f.checkedAt) < checkEvery {
		return
	}
	f.checkedAt = time.Now()
	seen, err := f.stat()
	if same(f.seen[0], seen[0]) && same(f.seen[1], seen[1]) {
		return
	}
	// Warn of an invalid or missing pair only once, until one of the files changes again.
	f.seen = seen
	if err == nil {
		err = f.read()
	}
	if err != nil {
		f.log.Warn("certificate reload failed: the old one stays in use", "err", err)
	}
}

// stat returns the FileInfo of both files, or an error if one is missing.
func (f *Files) stat() (seen [2]os.FileInfo, err error) {
	for i, name := range []string{f.certFile, f.keyFile} {
		if seen[i], err = os.Stat(name); err != nil {
			return [2]os.FileInfo{}, fmt.Errorf("read certificate: %w", err)
		}
	}
	return seen, nil
}

// same reports whether a file is unchanged. A secret that is mounted into a container is
// changed by pointing a symbolic link to another file.
func same(a, b os.FileInfo) bool {
	if a == nil || b == nil {
		return a == b
	}
	return os.SameFile(a, b) && a.ModTime().Equal(b.ModTime()) && a.Size() == b.Size()
}

func (f *Files) read() error {
	c, err := tls.LoadX509KeyPair(f.certFile, f.keyFile)
	if err != nil {
		return fmt.Errorf("read certificate %s with key %s: %w", f.certFile, f.keyFile, err)
	}
	f.current.Store(&c)
	if time.Now().After(c.Leaf.NotAfter) {
		f.log.Warn("certificate expired", "file", f.certFile, "expired", c.Leaf.NotAfter)
		return nil
	}
	f.log.Info("certificate loaded", "file", f.certFile, "expires", c.Leaf.NotAfter)
	return nil
}
