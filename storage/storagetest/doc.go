// Package storagetest holds the one contract that every storage.Bucket keeps.
//
// A backend's test hands Test a function that makes an empty bucket; what goes
// wrong comes out as test failures.
//
// Package storagetest does not know any backend.
//
// Test starts goroutines and waits for all of them.
package storagetest
