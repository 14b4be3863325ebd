// Package browser tests broadcasts from a page: Chromium with a fake camera and microphone publishes
// through the client of web/src/golive, and another tab watches. It runs with the tag e2e.
//
// The media goes from the page's encoders to a real golive and back to the browser. Package browser
// does not know how the server is built. It starts no goroutine but those of its tests.
package browser
