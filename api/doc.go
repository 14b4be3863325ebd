// Package api is the REST interface: what is live now.
//
// Requests enter under /v1/; answers are made from the statuses a Directory
// gives. The OpenAPI 3.1 document at /v1/openapi.json is generated from the same
// types that are sent.
//
// Package api does not know how media is made, kept or served.
//
// It starts no goroutine.
package api
