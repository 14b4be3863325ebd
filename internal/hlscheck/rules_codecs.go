package hlscheck

import (
	"fmt"
	"slices"
	"strings"

	"golive/codec/rfc6381"
)

// checkCodecs checks rule 43 on CODECS: it names the codecs of the variant's media, and no
// others. A name covers media of lower levels: it tells what a player must be able to decode. The
// media may have changed while the stream was followed, and CODECS with them, so the codecs of the
// first and the last multivariant playlist are compared with those of all media.
func (f *Follower) checkCodecs(first, last *Multivariant) {
	for i := range last.Variants {
		v := &last.Variants[i]
		if v.Codecs == "" {
			continue // reported where it is parsed
		}
		declared := splitCodecs(v.Codecs)
		named := slices.Clone(declared)
		for j := range first.Variants {
			if first.Variants[j].URI == v.URI {
				named = append(named, splitCodecs(first.Variants[j].Codecs)...)
			}
		}
		renditions, complete := f.renditionsOf(last, v)
		var carried []string
		for _, r := range renditions {
			carried = append(carried, r.Codecs...)
		}
		add := func(format string, args ...any) {
			f.found.addAll(renditions[0].Name, f.text, []Violation{{Rule: 43, URL: f.url, Line: v.Line, Text: fmt.Sprintf(format, args...)}})
		}
		for _, c := range carried {
			if !slices.ContainsFunc(named, func(d string) bool { return sameCodec(d, c) }) {
				add("CODECS is %q, and the media have %s", v.Codecs, c)
			}
		}
		for _, d := range declared {
			if complete && !slices.ContainsFunc(carried, func(c string) bool { return sameCodec(d, c) }) {
				add("CODECS has %s, and the media have only %s", d, strings.Join(carried, ","))
			}
		}
	}
}

func splitCodecs(codecs string) (list []string) {
	for c := range strings.SplitSeq(codecs, ",") {
		list = append(list, strings.TrimSpace(c))
	}
	return list
}

// renditionsOf returns the renditions that a variant is played with: its own first, and those
// of its groups. complete is set if the codecs of all are known.
func (f *Follower) renditionsOf(m *Multivariant, v *Variant) (list []*Rendition, complete bool) {
	add := func(uri string) {
		u, err := resolve(f.base, uri)
		for _, r := range f.renditions {
			if err == nil && r.URL == u {
				list = append(list, r)
				complete = complete && len(r.Codecs) > 0
			}
		}
	}
	complete = true
	add(v.URI)
	for _, a := range m.Media {
		kind := a["TYPE"].Text
		if uri := a["URI"].Text; uri != "" && (kind == "AUDIO" || kind == "VIDEO" || kind == "SUBTITLES") && v.Attributes[kind].Text == a["GROUP-ID"].Text {
			add(uri)
		}
	}
	return list, complete && len(list) > 0
}

// sameCodec reports whether a name in CODECS is that of a codec of the media (RFC 6381).
func sameCodec(declared, carried string) bool {
	if rfc6381.Covers(declared, carried) {
		return true
	}
	d, c := strings.ToLower(declared), strings.ToLower(carried)
	kind, _, _ := strings.Cut(c, ".")
	switch {
	case kind == "av01":
		// The optional fields of the colours are not in av1C.
		return strings.HasPrefix(d, c+".")
	case c == "mp4a.40.2":
		// HE-AAC may be signalled in the frames only (ISO 14496-3 section 1.6.5).
		return d == "mp4a.40.5" || d == "mp4a.40.29"
	case c == "mp4a.6b" || c == "mp4a.69" || c == "mp4a.40.34":
		return d == "mp4a.6b" || d == "mp4a.69" || d == "mp4a.40.34"
	}
	return false
}
