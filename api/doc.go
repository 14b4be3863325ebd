// Package api serves the REST API: who may go live, and the broadcasts of the server.
//
// Requests enter under /v1/; package auth tells who sends them. Responses are made from Records,
// what the registry knows of broadcasts, and from what a Directory knows of their media. The
// OpenAPI 3.1 document at /v1/openapi.json is generated from the same types.
//
// Package api does not know how media is made, kept or served.
//
// It starts no goroutine.
package api
