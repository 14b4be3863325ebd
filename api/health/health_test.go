package health

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestOf_DividesAWarningIntoReasonAndAdvice(t *testing.T) {
	since := time.Unix(1_700_000_000, 0)
	for _, want := range []Issue{
		{
			Type: "key_frames_far_apart", Severity: Warn, Measured: "8.0 s", Advised: "2 s", Reason: "no key frame came for 8.0 s",
			Advice: "set the encoder's key frame interval to 2 s, or players join late and see cuts without one",
		},
		{
			Type: "bitrate_high", Severity: Warn, Measured: "8.2 Mbit/s", Advised: "6 Mbit/s", Reason: "the bit rate is 8.2 Mbit/s",
			Advice: "stay below 6 Mbit/s (ingest.limits.bitrate)",
		},
		{Type: "audio_silent", Severity: Failing, Reason: "the encoder sends pictures and no sound: viewers hear silence", Advice: "check the microphone and the audio encoder"},
		{
			Type: "slow_upload", Severity: Warn, Measured: "62% of real time", Advised: "100% of real time", Reason: "media arrives at 62% of real time, so that players stall",
			Advice: "lower the bit rate",
		},
		{
			Type: "frame_rate_unsteady", Severity: Warn, Measured: "12 to 30 frames per second", Advised: "a constant frame rate",
			Reason: "the frame rate is unsteady, from 12 to 30 frames per second", Advice: "set a constant frame rate",
		},
		{
			Type: "frame_rate_odd", Severity: Info, Measured: "27.0 frames per second", Advised: "25, 30, 50 or 60 frames per second",
			Reason: "the frame rate is 27.0 frames per second", Advice: "set the camera to 30",
		},
		{
			Type: "bitrate_unstable", Severity: Info, Measured: "1.0 to 25.9 Mbit/s", Advised: "at most twice the average",
			Reason: "the bit rate is unstable, from 1.0 to 25.9 Mbit/s within a minute", Advice: "set CBR",
		},
		{Type: "audio_muted", Severity: Warn, Measured: "10 s", Reason: "nothing but digital silence, for more than 10 s", Advice: "check the microphone"},
		{Type: "of_a_later_version", Severity: Warn, Reason: "something is odd"},
	} {
		text := want.Reason
		switch want.Type {
		case "bitrate_high":
			text += "; the limit is 6 Mbit/s (ingest.limits.bitrate)"
		case "audio_silent":
			text += "; " + want.Advice
		case "key_frames_far_apart", "slow_upload", "frame_rate_unsteady", "frame_rate_odd", "bitrate_unstable", "audio_muted":
			text += ": " + want.Advice
		}
		want.Since = since
		if diff := cmp.Diff(want, Of(want.Type, text, since)); diff != "" {
			t.Errorf("%s: %s", want.Type, diff)
		}
	}
}

func TestOfStorage_IsAnIssueWhenSegmentsWait(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	if i, ok := OfStorage(9.9, "", now); ok {
		t.Errorf("%+v", i)
	}
	if i, ok := OfStorage(61, "", now); !ok || i.Severity != Warn || i.Measured != "61 s" || !i.Since.Equal(now.Add(-61*time.Second)) {
		t.Errorf("%+v", i)
	}
	if i, ok := OfStorage(0, "connection refused", now); !ok || i.Severity != Failing {
		t.Errorf("%+v", i)
	}
}
