// Package cors answers browsers whose pages come from elsewhere: the CORS protocol of
// the Fetch standard, for resources that anybody may read.
//
// Preflight sets the headers of an answer to OPTIONS. No answer allows credentials:
// there are none, and with them a page could read what only its visitor may.
//
// Package cors does not know what is served.
//
// It starts no goroutine.
package cors
