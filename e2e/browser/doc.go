//go:build e2e

// Package browser broadcasts from Chromium with a fake camera and microphone, and watches in another
// tab: real golive, real encoders, real sockets.
package browser
