// Package configs holds the reference configuration, so that the binary can show
// it without the repository.
//
// Default returns the text of golive.yaml; examples/ has files to copy from. The tests of
// internal/config check that golive.yaml has all keys and defaults.
//
// Package configs does not know how a configuration is parsed.
//
// It starts no goroutine.
package configs
