package transcode

import "golive/media"

// Output takes the media of a job's rungs. All calls for one rung come from one goroutine,
// those for different rungs from different ones.
type Output interface {
	// Start begins a run of units: the first one, or the next after Stop, after the rung's
	// tracks changed, or after units were lost. A restart of ffmpeg that loses nothing
	// continues the run. The first unit is a key picture, or audio if video is nil. A track
	// that the rung does not have is nil.
	Start(rung string, video, audio *media.Track)
	// Write takes the next unit, on the source's timeline. Arrived is the time at which the
	// source's unit arrived.
	Write(rung string, u media.AccessUnit)
	// Stop ends the rung's units for now: it was shed, ffmpeg failed, or the source ended.
	// Start may follow, except after StopEnded.
	Stop(rung string, reason StopReason)
}

// StopReason is why a rung has no more units for now.
type StopReason string

// The reasons.
const (
	StopEnded  StopReason = "ended"  // the source ended, or the job was cancelled
	StopShed   StopReason = "shed"   // the machine is overloaded
	StopFailed StopReason = "failed" // ffmpeg fails repeatedly
	StopSource StopReason = "source" // the source's new tracks have no such rung: it is smaller
)

// Status is the state of the node's transcoding.
type Status struct {
	// Enabled is set if there is a ladder.
	Enabled bool `json:"enabled"`
	// Available is set if ffmpeg works. Otherwise Problem is the reason.
	Available bool   `json:"available"`
	Problem   string `json:"problem,omitempty"`
	// Version is ffmpeg's, Encoder the video encoder in use, and Fallback why it is not the
	// configured one, or not the first one with "auto".
	Version  string `json:"version,omitempty"`
	Encoder  string `json:"encoder,omitempty"`
	Fallback string `json:"fallback,omitempty"`
	// Broadcasts is the number of transcoded broadcasts. Shed is the number of rungs that are
	// not made although the source allows them: shed, refused, or without ffmpeg.
	Broadcasts int `json:"broadcasts"`
	Shed       int `json:"shed"`
}

// JobStatus is the state of one broadcast's transcoding.
type JobStatus struct {
	Rungs []RungStatus `json:"rungs"`
	// Restarts counts the starts of ffmpeg after the first, except for changes of tracks or rungs.
	Restarts int `json:"restarts"`
	// Problem is why there are no rungs; empty if there is no problem.
	Problem string `json:"problem,omitempty"`
}

// RungStatus is the state of one rung of a job.
type RungStatus struct {
	Name string `json:"name"`
	// State is "running", "starting", "shed", "refused" (never admitted), "above" (larger than
	// the source), "unavailable" (ffmpeg does not work) or "failed".
	State string `json:"state"`
	// LagSeconds is how far the rung was behind the source at its newest picture.
	LagSeconds float64 `json:"lag_seconds"`
}
