// Package auth tells who sends a request to the API: a user of the app, a server of the app, or
// nobody.
//
// A request enters with its Authorization header; an Authenticator answers with a Caller or an
// error that wraps ErrUnauthorized, ErrForbidden or ErrAway. Users are known by a JSON Web Token (RFC 7519) that
// the app signs, servers by an API key, and in open mode anybody by the name that they send.
//
// Package auth does not know what a Caller may do to a broadcast.
//
// It starts no goroutine: the key set of a URL is fetched by the request that needs it, within a
// short time limit.
package auth
