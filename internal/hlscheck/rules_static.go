package hlscheck

import "time"

// checkMedia checks the rules on a single playlist.
func checkMedia(r *report, m *Media) {
	if len(m.Segments) > 0 && !m.HasTargetDuration {
		r.add(1, 0, "the playlist has segments and no EXT-X-TARGETDURATION")
	}
	for i := range m.Segments {
		s := &m.Segments[i]
		if m.HasTargetDuration {
			checkDuration(r, m, s)
		}
	}
	if m.PlaylistType == "VOD" && !m.EndList {
		r.add(18, 0, "EXT-X-PLAYLIST-TYPE is VOD and the playlist has not ended")
	}
	checkDateTimes(r, m)
	checkLowLatency(r, m)
}

func checkDuration(r *report, m *Media, s *Segment) {
	if s.Duration.Round(time.Second) > m.TargetDuration {
		r.add(2, s.Line, "segment %s lasts %v, more than the target duration of %v", s.URI, s.Duration, m.TargetDuration)
	}
	if s.Duration > m.TargetDuration+500*time.Millisecond {
		r.add(3, s.Line, "segment %s lasts %v, over 0.5 s more than the target duration of %v", s.URI, s.Duration, m.TargetDuration)
	}
}

// dateTolerance is the tolerance of dates, which are written in milliseconds.
const dateTolerance = 20 * time.Millisecond

// checkDateTimes checks rule 21 on one playlist: a date in every live playlist and at each
// discontinuity, and dates that agree with the durations between them.
func checkDateTimes(r *report, m *Media) {
	var at time.Time // date of the segment's beginning, as far as it is known
	dated := false
	for i := range m.Segments {
		s := &m.Segments[i]
		switch {
		case s.ProgramDateTime.IsZero():
			if s.Discontinuity {
				r.add(21, s.Line, "segment %s begins a discontinuity without EXT-X-PROGRAM-DATE-TIME", s.URI)
				at = time.Time{}
			}
		case !s.Discontinuity && !at.IsZero() && s.ProgramDateTime.Sub(at).Abs() > dateTolerance:
			r.add(21, s.Line, "segment %s is dated %v, %v after what the durations before it say",
				s.URI, s.ProgramDateTime.Format(time.RFC3339Nano), s.ProgramDateTime.Sub(at))
			fallthrough
		default:
			at, dated = s.ProgramDateTime, true
		}
		if !at.IsZero() {
			at = at.Add(s.Duration)
		}
	}
	if !m.EndList && len(m.Segments) > 0 && !dated {
		r.add(21, 0, "the live playlist has no EXT-X-PROGRAM-DATE-TIME")
	}
}
