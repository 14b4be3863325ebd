// Package pages tests the pages for people in a real browser: the feed, the studio, the screen to go
// live, and what axe-core finds of all of them.
//
// It does not know how golive works inside.
//
// It starts golive, encoders and Chromium as processes, and no goroutine.
package pages
