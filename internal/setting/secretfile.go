package setting

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// maxSecretFile is the largest size of a secret's file, in bytes. No key or token is as
// large: a larger file is a mistake.
const maxSecretFile = 64 << 10

// ReadSecretFile returns the secret in the file, without trailing line breaks. The Secret
// remembers the file.
func ReadSecretFile(name string) (Secret, error) {
	f, err := os.Open(name)
	if err != nil {
		return Secret{}, fmt.Errorf("cannot be read: %w", err)
	}
	content, err := io.ReadAll(io.LimitReader(f, maxSecretFile+1))
	err = errors.Join(err, f.Close())
	text := strings.TrimRight(string(content), "\r\n")
	switch {
	case err != nil:
		return Secret{}, fmt.Errorf("cannot be read: %w", err)
	case len(content) > maxSecretFile:
		return Secret{}, fmt.Errorf("%s holds more than %d bytes, which is too much for a secret", name, maxSecretFile)
	case text == "":
		return Secret{}, fmt.Errorf("%s is empty", name)
	}
	return Secret{text: text, file: name}, nil
}

// File returns the name of the file that the secret was read from, or "".
func (s Secret) File() string { return s.file }

// Reread reads the secret's file again. It returns a Secret without a file unchanged.
func (s Secret) Reread() (Secret, error) {
	if s.file == "" {
		return s, nil
	}
	return ReadSecretFile(s.file)
}
