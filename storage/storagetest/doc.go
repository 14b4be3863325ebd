// Package storagetest tests the contract that every storage.Bucket keeps.
//
// A backend's test passes a function that makes an empty bucket to Test, which reports
// violations as failures of that test.
//
// Package storagetest does not know any backend.
//
// Test starts goroutines and waits for all of them.
package storagetest
