// Package clip holds the built-in test clip: 16 seconds of H.264 and AAC that loop without a
// gap in the audio.
//
// FLV returns it as an FLV file. make.sh, which needs ffmpeg, makes the file; it is kept in
// the repository so that a build does not need ffmpeg.
//
// Package clip does not know how an FLV file is read or published.
//
// It starts no goroutine.
package clip
