// Package web serves the pages for people: the feed, the screen to go live, the studio for encoders,
// the player and the embeddable player, and tells other sites how to show a link to one (oEmbed).
//
// Requests enter through the handlers that Register puts on a mux; pages and
// assets leave, all of them from files embedded in the program. The pages fetch
// everything they show from the REST API (/v1/broadcasts) and the origin
// (/live/ID/index.m3u8, and after the end the replay that the API names) like any
// other client would.
//
// Package web does not know which broadcasts are live or how media is made.
//
// It starts no goroutine.
//
// To add an asset, put it below assets/ and link it in a template with
// {{asset "name"}}. Scripts are TypeScript below src/, of which make build makes one bundle
// for each page; nothing is inline, because the Content-Security-Policy forbids it.
package web
