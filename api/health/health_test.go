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
		{Type: "of_a_later_version", Severity: Warn, Reason: "something is odd"},
	} {
		text := want.Reason
		switch want.Type {
		case "bitrate_high":
			text += "; the limit is 6 Mbit/s (ingest.limits.bitrate)"
		case "audio_silent":
			text += "; " + want.Advice
		case "key_frames_far_apart":
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
