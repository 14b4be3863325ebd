package playtoken

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// ReadPrivateKey reads the private key of a Signer: PEM with PKCS #8, as
// "openssl genpkey -algorithm ed25519" writes it.
func ReadPrivateKey(file string) (ed25519.PrivateKey, error) {
	block, err := readPEM(file, "PRIVATE KEY")
	if err != nil {
		return nil, err
	}
	key, err := x509.ParsePKCS8PrivateKey(block)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", file, err)
	}
	private, ok := key.(ed25519.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("read %s: the key is not an Ed25519 key: make one with openssl genpkey -algorithm ed25519", file)
	}
	return private, nil
}

// ReadPublicKey reads the public key of a Verifier: PEM with PKIX, as "openssl pkey -pubout"
// writes it.
func ReadPublicKey(file string) (ed25519.PublicKey, error) {
	block, err := readPEM(file, "PUBLIC KEY")
	if err != nil {
		return nil, err
	}
	key, err := x509.ParsePKIXPublicKey(block)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", file, err)
	}
	public, ok := key.(ed25519.PublicKey)
	if !ok {
		return nil, fmt.Errorf("read %s: the key is not an Ed25519 key", file)
	}
	return public, nil
}

func readPEM(file, kind string) ([]byte, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(text)
	if block == nil || block.Type != kind {
		return nil, fmt.Errorf("read %s: no PEM block %q", file, kind)
	}
	return block.Bytes, nil
}

// OpenPrivateKey reads the private key in a file that only its owner can read, and makes both if
// there is none.
func OpenPrivateKey(file string) (ed25519.PrivateKey, error) {
	key, err := ReadPrivateKey(file)
	if !errors.Is(err, fs.ErrNotExist) {
		return key, err
	}
	_, key, err = ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make a playback key: %w", err)
	}
	if err := writePrivateKey(file, key); err != nil {
		return nil, fmt.Errorf("write the playback key: %w", err)
	}
	return key, nil
}

// writePrivateKey writes a key so that the file has all of it or does not exist, also after a
// power failure.
func writePrivateKey(file string, key ed25519.PrivateKey) (err error) {
	block, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	folder := filepath.Dir(file)
	if err := os.MkdirAll(folder, 0o750); err != nil {
		return err
	}
	f, err := os.CreateTemp(folder, filepath.Base(file)+".*") // with mode 0600
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	err = pem.Encode(f, &pem.Block{Type: "PRIVATE KEY", Bytes: block})
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), file)
}
