// Package s3 keeps objects in a bucket of any S3-compatible store, through
// aws-sdk-go-v2.
//
// New opens a Bucket; objects come in as shared slabs, which are sent without
// being copied, and go out as the bodies of HTTP responses. Probe tries every kind
// of request that the bucket will get.
//
// Stores differ in where the bucket's name goes, which checksums they accept and
// what a deletion removes: provider.go has a profile of each. An error names the setting
// to change where a setting can help. Nearly every failure is worth another try, wrong
// credentials and a missing bucket too: the operator can correct them meanwhile, and
// nothing is lost.
//
// Package s3 does not know segments, playlists or viewers.
//
// It starts no goroutine; net/http has those of its connections.
//
// # Adding a provider
//
//  1. Add its name to storage.Providers, and a hint where to find its endpoint to
//     endpointHint.
//  2. Add its profile in provider.go.
//  3. Run golive check-config --probe against it.
package s3
