// Package cors implements the CORS protocol of the Fetch standard for public resources.
//
// Preflight sets the headers of the response to OPTIONS. No response allows credentials:
// with them a page could read what only its visitor may read.
//
// Package cors does not know the resources.
//
// It starts no goroutine.
package cors
