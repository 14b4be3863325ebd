// Package archtest checks the structure of the repository: which packages may import which
// others, which may start goroutines, and other rules.
//
// Its tests parse every Go file of the repository, which takes about a second. A new package
// must be added to the layers in layers_test.go.
//
// Package archtest does not know what any package does.
//
// It starts no goroutine.
package archtest
