// Package mediatest makes access units for tests: streams with the shape real
// encoders give them, and nothing a decoder could show.
//
// Package mediatest does not know the packages it helps to test.
//
// It starts no goroutine.
package mediatest
