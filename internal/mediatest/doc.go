// Package mediatest makes access units for tests: streams with the structure of those of real
// encoders, but without decodable content.
//
// Package mediatest does not know the packages it helps to test.
//
// It starts no goroutine.
package mediatest
