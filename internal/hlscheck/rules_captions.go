package hlscheck

import "regexp"

// checkCaptions checks rule 52, the closed captions of a multivariant playlist.
func checkCaptions(r *report, m *Multivariant) {
	groups := map[string]bool{}
	for _, a := range m.Media {
		if a["TYPE"].Text != "CLOSED-CAPTIONS" {
			continue
		}
		groups[a["GROUP-ID"].Text] = true
		if id := a["INSTREAM-ID"]; !id.Quoted || !instreamID().MatchString(id.Text) {
			r.add(52, 0, "EXT-X-MEDIA of closed captions has INSTREAM-ID %q, want CC1 to CC4 or SERVICE1 to SERVICE63", id.Text)
		}
		if _, ok := a["URI"]; ok {
			r.add(52, 0, "EXT-X-MEDIA of closed captions has a URI: they are in the pictures")
		}
	}
	none, named := false, false
	for i := range m.Variants {
		c, ok := m.Variants[i].Attributes["CLOSED-CAPTIONS"]
		switch {
		case !ok:
		case !c.Quoted && c.Text == "NONE":
			none = true
		case !c.Quoted || !groups[c.Text]:
			r.add(52, m.Variants[i].Line, "CLOSED-CAPTIONS names the group %q, which no EXT-X-MEDIA is in", c.Text)
		default:
			named = true
		}
	}
	if none && (named || len(groups) > 0) {
		r.add(52, 0, "CLOSED-CAPTIONS is NONE, and others have captions: it is NONE for all or for none")
	}
}

func instreamID() *regexp.Regexp {
	return regexp.MustCompile(`^(CC[1-4]|SERVICE([1-9]|[1-5][0-9]|6[0-3]))$`)
}
