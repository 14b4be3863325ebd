package rfc6381

import (
	"slices"
	"strconv"
	"strings"
)

// Covers reports whether a decoder of the codec named decoder can decode media of the other: the names are
// equal, or it is the same codec in a profile that includes the other's, at its level or a higher one.
func Covers(decoder, media string) bool {
	if strings.EqualFold(decoder, media) {
		return true
	}
	d, ok1 := parse(decoder)
	m, ok2 := parse(media)
	return ok1 && ok2 && d.kind == m.kind && d.profile >= m.profile && d.level >= m.level
}

// Join returns the name of a decoder for media of both names: the higher profile at the higher level. If
// nothing is known of that, it is the newer name.
func Join(older, newer string) string {
	a, ok1 := parse(older)
	b, ok2 := parse(newer)
	if !ok1 || !ok2 || a.kind != b.kind {
		return newer
	}
	high, level := b, b.text
	if a.profile > b.profile {
		high = a
	}
	if a.level > b.level {
		level = a.text
	}
	return high.before + level + high.after
}

// name is a parsed name. Its text is the level; before and after are the rest.
type name struct {
	kind                string // names of different kinds are of different decoders
	profile, level      int    // a higher one includes lower ones
	before, text, after string
}

func parse(s string) (n name, ok bool) {
	fields := strings.Split(s, ".")
	switch fields[0] {
	case "avc1", "avc3":
		return parseH264(fields)
	case "hvc1", "hev1":
		return parseHEVC(fields)
	case "av01":
		return parseAV1(fields)
	}
	return n, false
}

// parseH264 parses avc1.PPCCLL, in hexadecimal. Each profile includes those before it, but for tools of the
// Baseline profile that no encoder uses (ISO 14496-10 annex A.2).
func parseH264(fields []string) (n name, ok bool) {
	const baseline, main, high, high10, high422, high444 = 66, 77, 100, 110, 122, 244
	profiles := []uint64{baseline, main, high, high10, high422, high444}
	if len(fields) != 2 || len(fields[1]) != 6 {
		return n, false
	}
	profile, err1 := strconv.ParseUint(fields[1][:2], 16, 8)
	level, err2 := strconv.ParseUint(fields[1][4:], 16, 8)
	n = name{
		kind: fields[0], profile: slices.Index(profiles, profile), level: int(level),
		before: fields[0] + "." + fields[1][:4], text: fields[1][4:],
	}
	return n, err1 == nil && err2 == nil && n.profile >= 0
}

// parseHEVC parses hvc1.PROFILE.COMPATIBILITY.LLEVEL.CONSTRAINTS (ISO 14496-15 annex E.3) of the Main and the
// Main 10 profile in the Main tier.
func parseHEVC(fields []string) (n name, ok bool) {
	if len(fields) < 4 || !strings.HasPrefix(fields[3], "L") {
		return n, false
	}
	level, err := strconv.ParseUint(fields[3][1:], 10, 8)
	n = name{
		kind: fields[0], profile: slices.Index([]string{"1", "2"}, fields[1]), level: int(level),
		before: strings.Join(fields[:3], ".") + ".", text: fields[3], after: rest(fields[4:]),
	}
	return n, err == nil && n.profile >= 0
}

// parseAV1 parses av01.P.LLM.DD (AV1 in ISOBMFF, section 5) in the Main tier. Of one profile, more bits include
// fewer.
func parseAV1(fields []string) (n name, ok bool) {
	if len(fields) < 4 || !strings.HasSuffix(fields[2], "M") {
		return n, false
	}
	level, err1 := strconv.ParseUint(fields[2][:len(fields[2])-1], 10, 8)
	bits, err2 := strconv.ParseUint(fields[3], 10, 8)
	n = name{
		kind: fields[0] + "." + fields[1], profile: int(bits), level: int(level),
		before: fields[0] + "." + fields[1] + ".", text: fields[2], after: rest(fields[3:]),
	}
	return n, err1 == nil && err2 == nil
}

// rest returns fields with a dot before each.
func rest(fields []string) string {
	var b strings.Builder
	for _, f := range fields {
		b.WriteString("." + f)
	}
	return b.String()
}
