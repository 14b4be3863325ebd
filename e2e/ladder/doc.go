// Package ladder tests several renditions of a broadcast, and its pictures, from the outside: with
// ffmpeg as encoder and decoder, and Chromium as player.
//
// It does not know golive's other packages: it uses its commands, ports, URLs and files, and
// internal/hlscheck to read them.
//
// It starts no goroutines itself; those of the harness end with the test.
package ladder
