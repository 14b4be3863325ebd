// Package mediatest makes access units for tests: streams with the structure that real
// encoders write, but without decodable content.
//
// Package mediatest does not know the packages it helps to test.
//
// It starts no goroutine.
package mediatest
