// Package api serves the REST API: the broadcasts of the server.
//
// Requests enter under /v1/; responses are made from what a Directory returns. The OpenAPI
// 3.1 document at /v1/openapi.json is generated from the same types.
//
// Package api does not know how media is made, kept or served.
//
// It starts no goroutine.
package api
