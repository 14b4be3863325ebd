// Package s3 keeps objects in a bucket of any S3-compatible store, through
// aws-sdk-go-v2.
//
// New opens a Bucket; objects come in as shared slabs, which are sent without
// being copied, and go out as the bodies of HTTP responses. Probe tries out
// beforehand all that will be asked of the bucket.
//
// Stores differ in where the bucket's name goes, which checksums they accept and
// what a deletion removes: provider.go holds what is known of each. Every error
// says which setting to change where a setting can help. Nearly every failure is
// worth another try, wrong credentials and a missing bucket too: the operator can
// mend them meanwhile, and nothing is lost.
//
// Package s3 does not know segments, playlists or who waits for them.
//
// It starts no goroutine; net/http has those of its connections.
//
// # Adding a provider
//
//  1. Add its name to storage.Providers, and where its endpoint is found to
//     endpointHint.
//  2. Add its profile in provider.go.
//  3. Run golive check-config --probe against it.
package s3
