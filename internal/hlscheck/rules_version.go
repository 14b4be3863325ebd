package hlscheck

import "strings"

// needs returns the EXT-X-VERSION that the line requires (section 8).
func (l line) needs() int {
	switch l.name {
	case "EXTINF":
		if duration, _, _ := strings.Cut(l.value, ","); strings.Contains(duration, ".") {
			return 3
		}
	case "EXT-X-BYTERANGE", "EXT-X-I-FRAMES-ONLY":
		return 4
	case "EXT-X-MAP": // 6 where there are not only I-frames
		return 5
	case "EXT-X-KEY", "EXT-X-DEFINE", "EXT-X-SKIP", "EXT-X-MEDIA", "EXT-X-STREAM-INF":
		a, err := parseAttributes(l.value)
		if err != nil {
			return 1 // reported where the tag is read
		}
		return a.needs(l.name)
	}
	return 1
}

func (a Attributes) needs(tag string) int {
	has := func(name string) bool { _, ok := a[name]; return ok }
	n := 1
	for name := range a {
		if strings.HasPrefix(name, "REQ-") {
			n = 12
		}
	}
	switch {
	case tag == "EXT-X-KEY" && (strings.HasPrefix(a["METHOD"].Text, "SAMPLE-AES") || has("KEYFORMAT") || has("KEYFORMATVERSIONS")):
		return 5
	case tag == "EXT-X-KEY" && has("IV"):
		return 2
	case tag == "EXT-X-DEFINE" && has("QUERYPARAM"):
		return 11
	case tag == "EXT-X-DEFINE":
		return 8
	case tag == "EXT-X-SKIP" && has("RECENTLY-REMOVED-DATERANGES"):
		return 10
	case tag == "EXT-X-SKIP":
		return 9
	case tag == "EXT-X-MEDIA" && has("INSTREAM-ID") && a["TYPE"].Text != "CLOSED-CAPTIONS":
		return 13
	case tag == "EXT-X-MEDIA" && strings.HasPrefix(a["INSTREAM-ID"].Text, "SERVICE"):
		return 7
	}
	return n
}

// checkVersion checks rule 49. line is that of EXT-X-VERSION; free is the version that is
// allowed even if no tag requires it.
func checkVersion(r *report, line, version, needs, free int) {
	switch {
	case version < needs:
		r.add(49, line, "EXT-X-VERSION is %d, the tags need %d", version, needs)
	case version > max(needs, free):
		r.add(49, line, "EXT-X-VERSION is %d, the tags need no more than %d", version, max(needs, free))
	}
}
