// Package storage puts, gets, deletes and lists objects.
//
// Objects enter through Bucket.Put and are read back with Bucket.Get. The backends are
// folders: disk and s3. An error of a Bucket tells whether another try may succeed, and what
// the operator can do.
//
// Package storage does not know what an object means, or in what order objects are put.
//
// It starts no goroutine; the doc.go of a backend names those of the backend.
//
// # Adding a backend
//
//  1. Make a folder with a type that implements Bucket and checks every key with
//     CheckKey and every range with CheckRange.
//  2. Return *Error from each method, with a Hint where the operator can act, and
//     Permanent where trying again cannot help.
//  3. Run storagetest.Test over it.
//  4. Add its name to Config.Validate and to Backends, and make it in cmd/golive.
package storage
