// Package archtest says in words how the house is built, and fails when somebody
// builds otherwise: which way imports go, who may start goroutines, what words
// mean.
//
// Its tests parse every Go file of the repository, about a second's work. The
// table of floors in floors_test.go is the map to change when a package appears.
//
// Package archtest does not know what any package does.
//
// It starts no goroutine.
package archtest
