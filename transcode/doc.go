// Package transcode encodes one rendition as several others, of other sizes and bit rates, with
// ffmpeg.
//
// A Transcoder is the node's: it probes ffmpeg, and decides how many rungs the machine can
// encode. A Job transcodes one run of a source's access units. Job.Write takes a unit and never
// blocks. Job.Run feeds them to an ffmpeg child process, which decodes the
// pictures once and encodes each rung, and passes the rungs' units to an Output, on the
// source's timeline and with key pictures where the source has them.
//
// The files: ladder.go describes rungs, plan.go decides which of them a source
// gets and where their audio comes from, args.go writes ffmpeg's arguments; job.go, queue.go and
// feed.go write units to the child, session.go and child.go run it, read.go and rung.go handle its
// output; transcoder.go, probe.go, admission.go and overload.go belong to the node.
//
// Package transcode does not know publishers, viewers, segments or HTTP.
//
// Transcoder.Run and Job.Run own all goroutines and child processes and wait for all of them:
// a feeder, a reader for each pipe, and one goroutine for each rung.
package transcode
