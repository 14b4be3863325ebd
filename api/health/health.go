package health

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	"golive/ingest"
)

// Severity is how much viewers notice.
type Severity string

// The severities.
const (
	// Info: some viewers may notice.
	Info Severity = "info"
	// Warn: viewers notice, or some cannot watch.
	Warn Severity = "warning"
	// Failing: viewers miss the picture or the sound, or the recording is at risk.
	Failing Severity = "error"
)

// Issue is something that the broadcaster should change, or know of.
type Issue struct {
	Type     string    `json:"type" doc:"What is wrong; types do not change." example:"key_frames_far_apart"`
	Severity Severity  `json:"severity" enum:"info,warning,error" doc:"info: some viewers may notice; warning: viewers notice; error: the picture, the sound or the recording is missing."`
	Since    time.Time `json:"since" doc:"When it began."`
	Reason   string    `json:"reason" doc:"What is wrong, in a sentence."`
	Measured string    `json:"measured,omitempty" doc:"The value that was measured, with its unit, if there is one." example:"8 s"`
	Advised  string    `json:"advised,omitempty" doc:"The value that it should have." example:"2 s"`
	Advice   string    `json:"advice" doc:"What to do."`
}

// StorageBehind is the type of the issue that storage does not keep up.
const StorageBehind = "storage_behind"

// storageLag is how many seconds a segment may wait before that is an issue.
const storageLag = 10

// kind is what is known of the issues of a type.
type kind struct {
	severity Severity
	advised  string
}

// kindOf returns the kind of a warning.
func kindOf(code string) kind {
	switch ingest.WarningCode(code) {
	case ingest.WarnAudioSilent, ingest.WarnVideoSilent, ingest.WarnNoKeyFrames, ingest.WarnAudioUnsupported, ingest.WarnAudioConfigMissing:
		return kind{severity: Failing}
	case ingest.WarnKeyFramesFarApart:
		return kind{Warn, "2 s"}
	case ingest.WarnSlowUpload:
		return kind{Warn, "100% of real time"}
	case ingest.WarnFrameRateUnsteady:
		return kind{Warn, "a constant frame rate"}
	case ingest.WarnFrameRateOdd:
		return kind{Info, "25, 30, 50 or 60 frames per second"}
	case ingest.WarnBitrateUnstable:
		return kind{Info, "at most twice the average"}
	case ingest.WarnPixelFormat:
		return kind{Warn, "4:2:0"}
	case ingest.WarnProfile:
		return kind{Warn, "High or Main"}
	case ingest.WarnLevel:
		return kind{Warn, "5.2 or lower"}
	case ingest.WarnVideoCodec:
		return kind{Info, "H.264"}
	case ingest.WarnAudioCodec, ingest.WarnHEAACv2:
		return kind{Info, "AAC-LC"}
	case ingest.WarnOpenGOP, ingest.WarnExtraTracks, ingest.WarnAudioLayout, ingest.WarnPictureSize:
		return kind{severity: Info}
	default:
		return kind{severity: Warn}
	}
}

// Of returns the issue for a warning.
func Of(code, text string, since time.Time) Issue {
	k := kindOf(code)
	i := Issue{Type: code, Severity: k.severity, Since: since, Reason: text, Advised: k.advised, Measured: measured(text)}
	// What to do follows after the last colon of the text, or the limit after a semicolon.
	if at := max(strings.LastIndex(text, ": "), strings.LastIndex(text, "; ")); at > 0 {
		i.Reason, i.Advice = text[:at], text[at+len(": "):]
		if limit, ok := strings.CutPrefix(i.Advice, "the limit is "); ok {
			i.Advised, _, _ = strings.Cut(limit, " (")
			i.Advice = "stay below " + limit
		}
	}
	return i
}

// measured returns the first number or range with a unit in a text; empty if there is none.
func measured(text string) string {
	return measurement.FindString(text)
}

var measurement = regexp.MustCompile(`\b\d+(\.\d+)?( to \d+(\.\d+)?)?(% of real time| (s|ms|Mbit/s|kbit/s|bits|frames per second|channels)\b)`)

// OfStorage returns the issue of segments that wait to be stored, if there is one: the oldest for
// that many seconds, and why, which may be empty.
func OfStorage(lag float64, reason string, now time.Time) (Issue, bool) {
	if lag < storageLag && reason == "" {
		return Issue{}, false
	}
	i := Issue{
		Type: StorageBehind, Severity: Warn, Reason: "segments wait to be stored", Measured: fmt.Sprintf("%.0f s", lag), Advised: fmt.Sprintf("below %d s", storageLag),
		Since: now.Add(-time.Duration(lag * float64(time.Second))).Truncate(time.Second), Advice: "nothing in the encoder: the operator of the server should look at its storage",
	}
	if reason != "" {
		i.Severity, i.Reason = Failing, "storage does not take segments"
	}
	return i, true
}
