// Package transcode turns one rendition into several of other sizes and bit rates, with
// ffmpeg.
//
// A Transcoder is the node's: it probes ffmpeg, and decides how many rungs the machine can
// encode. NewJob returns the Job of one publication. Job.Write takes the access units of the
// source and never blocks. Job.Run feeds them to an ffmpeg child process, which decodes the
// pictures once and encodes each rung, and passes the rungs' units to an Output, on the
// source's timeline and with key pictures where the source has them.
//
// The files: ladder.go describes rungs, plan.go decides which of them a source
// gets and how sound reaches them, args.go writes ffmpeg's command; job.go, queue.go and
// feed.go move units to the child, child.go runs it, rung.go and read.go take
// what comes out; transcoder.go, probe.go, admission.go and overload.go are the node's part.
//
// Package transcode does not know publishers, viewers, segments or HTTP.
//
// Transcoder.Run and Job.Run own all goroutines and child processes and wait for all of them:
// a feeder, a reader for each pipe, and one goroutine for each rung.
package transcode
