package hlscheck

import (
	"errors"
	"time"
)

// lowLatencyTag parses the tags of low-latency HLS. An unknown tag is ignored, as RFC
// 8216bis section 6.3.1 requires.
func (p *mediaParser) lowLatencyTag(l line) error {
	var read func(line, Attributes) error
	switch l.name {
	case "EXT-X-PART-INF":
		read = p.partInf
	case "EXT-X-SERVER-CONTROL":
		read = p.serverControl
	case "EXT-X-PART":
		read = p.part
	case "EXT-X-PRELOAD-HINT":
		read = p.hint
	case "EXT-X-RENDITION-REPORT":
		read = p.report
	case "EXT-X-SKIP":
		read = p.skip
	default:
		return nil
	}
	a, err := parseAttributes(l.value)
	if err != nil {
		return err
	}
	return read(l, a)
}

func (p *mediaParser) partInf(l line, a Attributes) error {
	d, ok, err := a.seconds("PART-TARGET")
	if err == nil && (!ok || d <= 0) {
		p.r.add(26, l.number, "EXT-X-PART-INF without PART-TARGET")
	}
	p.m.PartTarget = d
	return err
}

func (p *mediaParser) serverControl(l line, a Attributes) error {
	c := ServerControl{Present: true, Line: l.number}
	block, _, err1 := a.enum("CAN-BLOCK-RELOAD", "YES", "NO")
	c.CanBlockReload = block == "YES"
	var err2, err3, err4 error
	c.CanSkipUntil, _, err2 = a.seconds("CAN-SKIP-UNTIL")
	c.HoldBack, _, err3 = a.seconds("HOLD-BACK")
	c.PartHoldBack, _, err4 = a.seconds("PART-HOLD-BACK")
	p.m.ServerControl = c
	return errors.Join(err1, err2, err3, err4)
}

func (p *mediaParser) part(l line, a Attributes) error {
	if p.firstPartLine == 0 {
		p.firstPartLine = l.number
	}
	part := Part{Map: p.initMap, Line: l.number}
	uri, err := requiredURI(a)
	if err != nil {
		p.r.add(26, l.number, "EXT-X-PART: %v", err)
	}
	text, _, err0 := a.quoted("BYTERANGE")
	if err0 == nil && text != "" {
		part.Bytes, err0 = p.partEnd.parse(uri, text)
	}
	d, ok, err := a.seconds("DURATION")
	if err != nil || !ok {
		p.r.add(26, l.number, "EXT-X-PART has no DURATION")
	}
	part.URI, part.Duration = uri, d
	independent, _, err1 := a.enum("INDEPENDENT", "YES", "NO")
	gap, _, err2 := a.enum("GAP", "YES", "NO")
	part.Independent, part.Gap = independent == "YES", gap == "YES"
	p.next.Parts = append(p.next.Parts, part)
	return errors.Join(err0, err1, err2)
}

func (p *mediaParser) hint(l line, a Attributes) error {
	kind, ok, err := a.enum("TYPE", "PART", "MAP")
	if err == nil && !ok {
		err = errors.New("attribute TYPE is missing")
	}
	uri, err2 := requiredURI(a)
	for _, h := range p.m.Hints {
		if h.Type == kind {
			p.r.add(40, l.number, "a second EXT-X-PRELOAD-HINT of TYPE %s", kind)
		}
	}
	_, start := a["BYTERANGE-START"]
	_, length := a["BYTERANGE-LENGTH"]
	p.m.Hints = append(p.m.Hints, PreloadHint{Type: kind, URI: uri, Ranged: start || length, Line: l.number})
	return errors.Join(err, err2)
}

func (p *mediaParser) report(l line, a Attributes) error {
	uri, err := requiredURI(a)
	msn, ok1, err1 := a.integer("LAST-MSN")
	part, ok2, err2 := a.integer("LAST-PART")
	if !ok1 {
		msn = -1
	}
	if !ok2 {
		part = -1
	}
	p.m.Reports = append(p.m.Reports, RenditionReport{URI: uri, LastMSN: msn, LastPart: part, Line: l.number})
	return errors.Join(err, err1, err2)
}

func (p *mediaParser) skip(l line, a Attributes) error {
	n, ok, err := a.integer("SKIPPED-SEGMENTS")
	if err == nil && !ok {
		err = errors.New("attribute SKIPPED-SEGMENTS is missing")
	}
	if len(p.m.Segments) > 0 {
		p.r.add(38, l.number, "EXT-X-SKIP follows a segment")
	}
	p.m.Skipped = n
	return err
}

// checkLowLatency checks rules 26 to 31 and 40 on one playlist.
func checkLowLatency(r *report, m *Media) {
	if m.EndList && len(m.Hints) > 0 {
		r.add(40, m.Hints[0].Line, "EXT-X-PRELOAD-HINT in a playlist with EXT-X-ENDLIST")
	}
	c := m.ServerControl
	if c.HoldBack > 0 && c.HoldBack < 3*m.TargetDuration {
		r.add(31, c.Line, "HOLD-BACK is %v, want at least 3 times the target duration of %v", c.HoldBack, m.TargetDuration)
	}
	if c.CanSkipUntil > 0 && c.CanSkipUntil < 6*m.TargetDuration {
		r.add(31, c.Line, "CAN-SKIP-UNTIL is %v, want at least 6 times the target duration of %v", c.CanSkipUntil, m.TargetDuration)
	}
	if m.PartTarget == 0 {
		return
	}
	if c.PartHoldBack == 0 {
		r.add(30, c.Line, "EXT-X-PART-INF without PART-HOLD-BACK")
	} else if c.PartHoldBack < 3*m.PartTarget {
		r.add(30, c.Line, "PART-HOLD-BACK is %v, want at least 3 times the part target of %v", c.PartHoldBack, m.PartTarget)
	}
	for i := range m.Segments {
		checkParts(r, m.Segments[i].Parts, m.PartTarget, true)
		checkPartSum(r, &m.Segments[i])
	}
	checkParts(r, m.Parts, m.PartTarget, false)
}

// checkParts checks rules 27 and 28; whole is set if the last part ends its segment, and so
// may be shorter.
func checkParts(r *report, parts []Part, target time.Duration, whole bool) {
	for i, p := range parts {
		if p.Duration > target {
			r.add(27, p.Line, "part %s lasts %v, PART-TARGET is %v", p.URI, p.Duration, target)
		}
		last := i == len(parts)-1
		beforeGap := !last && parts[i+1].Gap
		if !p.Independent && !p.Gap && !beforeGap && !(last && whole) && p.Duration*100 < target*85 {
			// The last listed part of an open segment may turn out to be the last of the segment.
			if last && !whole {
				continue
			}
			r.add(28, p.Line, "part %s lasts %v, less than 85 %% of PART-TARGET %v", p.URI, p.Duration, target)
		}
	}
}

// checkPartSum checks that the durations of a segment's parts sum to EXTINF, up to rounding
// (RFC 8216bis section 4.4.4.9).
func checkPartSum(r *report, s *Segment) {
	if len(s.Parts) == 0 {
		return
	}
	var sum time.Duration
	for _, p := range s.Parts {
		sum += p.Duration
	}
	if diff := (sum - s.Duration).Abs(); diff > time.Duration(len(s.Parts)+1)*time.Millisecond {
		r.add(8, s.Line, "segment %s lasts %v, its parts %v", s.URI, s.Duration, sum)
	}
}
