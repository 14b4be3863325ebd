package whip

import (
	"fmt"
	"slices"
	"strings"

	"github.com/pion/sdp/v3"
	"github.com/pion/webrtc/v4"
)

// fragmentType is the content type of fragments (RFC 8840).
const fragmentType = "application/trickle-ice-sdpfrag"

// maxCandidates bounds the candidates in one fragment.
const maxCandidates = 64

// fragment is a part of a description about ICE (RFC 8840 section 9).
type fragment struct {
	user, password string // of the peer; may be empty
	candidates     []webrtc.ICECandidateInit
}

// parseFragment reads a fragment. The error wraps errSyntax.
func parseFragment(text string) (f fragment, err error) {
	mid := ""
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\r\n")
		if strings.HasPrefix(line, "m=") {
			mid = ""
		}
		attribute, ok := strings.CutPrefix(line, "a=")
		if !ok {
			continue
		}
		key, value, _ := strings.Cut(attribute, ":")
		switch key {
		case "ice-ufrag":
			f.user = value
		case "ice-pwd":
			f.password = value
		case "mid":
			mid = value
		case "candidate":
			if len(f.candidates) == maxCandidates {
				return f, fmt.Errorf("%w: it has more than %d candidates", errSyntax, maxCandidates)
			}
			f.candidates = append(f.candidates, webrtc.ICECandidateInit{Candidate: attribute, SDPMid: &mid})
		}
	}
	// RFC 8839 section 5.4.
	isICE := func(s string, least int) bool {
		return len(s) >= least && len(s) <= 256 && !strings.ContainsFunc(s, func(r rune) bool {
			return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || r == '+' || r == '/' || r == '-' || r == '_' || r == '=')
		})
	}
	switch {
	case (f.user != "" || f.password != "") && (!isICE(f.user, 4) || !isICE(f.password, 22)):
		return f, fmt.Errorf("%w: a=ice-ufrag needs 4 to 256 characters, a=ice-pwd 22 to 256", errSyntax)
	case f.user == "" && len(f.candidates) == 0 && !strings.Contains(text, "a=end-of-candidates"):
		return f, fmt.Errorf("%w: the fragment has neither a=ice-ufrag nor a=candidate", errSyntax)
	}
	return f, nil
}

// withCredentials returns the offer with other ICE credentials, without candidates.
func withCredentials(offer, user, password string) (string, error) {
	var d sdp.SessionDescription
	if err := d.UnmarshalString(offer); err != nil {
		return "", fmt.Errorf("parse the offer: %w", err)
	}
	change := func(all []sdp.Attribute) []sdp.Attribute {
		all = slices.DeleteFunc(all, func(a sdp.Attribute) bool {
			return a.Key == "ice-ufrag" || a.Key == "ice-pwd" || a.Key == "candidate" || a.Key == "end-of-candidates"
		})
		return all
	}
	d.Attributes = change(d.Attributes)
	for _, m := range d.MediaDescriptions {
		m.Attributes = append(change(m.Attributes), sdp.NewAttribute("ice-ufrag", user), sdp.NewAttribute("ice-pwd", password))
	}
	b, err := d.Marshal()
	return string(b), err
}

// userOf returns the ICE user of a description, or "".
func userOf(description string) string {
	for line := range strings.Lines(description) {
		if user, ok := strings.CutPrefix(line, "a=ice-ufrag:"); ok {
			return strings.TrimSpace(user)
		}
	}
	return ""
}

// fragmentOf returns the fragment of an answer: its credentials, and the candidates of its first medium,
// with which the others are bundled.
func fragmentOf(answer string) (string, error) {
	var d sdp.SessionDescription
	if err := d.UnmarshalString(answer); err != nil || len(d.MediaDescriptions) == 0 {
		return "", fmt.Errorf("parse the answer: %w", err)
	}
	m := d.MediaDescriptions[0]
	var b strings.Builder
	line := func(key string, values ...string) {
		b.WriteString("a=" + key)
		if len(values) > 0 {
			b.WriteString(":" + values[0])
		}
		b.WriteString("\r\n")
	}
	for _, key := range []string{"ice-ufrag", "ice-pwd"} {
		if v, ok := m.Attribute(key); ok {
			line(key, v)
		} else if v, ok := d.Attribute(key); ok {
			line(key, v)
		}
	}
	b.WriteString("m=" + m.MediaName.String() + "\r\n")
	if mid, ok := m.Attribute("mid"); ok {
		line("mid", mid)
	}
	for _, a := range m.Attributes {
		if a.Key == "candidate" {
			line(a.Key, a.Value)
		}
	}
	line("end-of-candidates")
	return b.String(), nil
}
