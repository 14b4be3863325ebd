// Package configs holds the reference configuration, so that the binary can show
// it without the repository.
//
// Default returns the text of golive.yaml; examples/ is for people to copy from.
// The tests of internal/config prove that golive.yaml says what golive does.
//
// Package configs does not know how to read what it holds.
//
// It starts no goroutine.
package configs
