// Package pages tests the pages for people in a real browser: the feed, the studio, the screen to go
// live, and what axe-core finds of all of them. It starts what it needs with package harness.
package pages
