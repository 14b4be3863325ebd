package whip

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/pion/sdp/v3"
	"github.com/pion/webrtc/v4"
)

// maxOffer is the largest description, in bytes: that of a browser has 8 kB.
const maxOffer = 64 << 10

var (
	// errSyntax: an offer or a fragment that cannot be read.
	errSyntax = errors.New("the description cannot be read")
	// errCodecs: an offer without what is needed.
	errCodecs = errors.New("the offer cannot be accepted")
)

// offer is what a peer offers to send.
type offer struct {
	text string
	// video and audio are the codecs that are accepted, each with the payload type that the peer gave
	// it.
	video, audio []webrtc.RTPCodecParameters
}

// parseOffer reads an offer (RFC 9725 section 4.2). The error wraps errSyntax or errCodecs.
func parseOffer(text string) (*offer, error) {
	var d sdp.SessionDescription
	if err := d.UnmarshalString(text); err != nil || len(d.MediaDescriptions) == 0 {
		return nil, fmt.Errorf("%w: it is no SDP offer", errSyntax)
	}
	o := &offer{text: text}
	medias := 0
	for _, m := range d.MediaDescriptions {
		switch m.MediaName.Media {
		case "video":
			o.video = append(o.video, codecsOf(m, isVideo)...)
		case "audio":
			o.audio = append(o.audio, codecsOf(m, isAudio)...)
		default:
			return nil, fmt.Errorf("%w: offer video and audio, and no %q", errCodecs, m.MediaName.Media)
		}
		if medias++; medias > 4 {
			return nil, fmt.Errorf("%w: it has too many media", errCodecs)
		}
		if slices.ContainsFunc(m.Attributes, func(a sdp.Attribute) bool {
			return a.Key == sdp.AttrKeyRecvOnly || a.Key == sdp.AttrKeyInactive
		}) {
			return nil, fmt.Errorf("%w: offer to send, with a=sendonly", errCodecs)
		}
	}
	if len(o.video) == 0 {
		return nil, fmt.Errorf("%w: it has no H.264: choose H.264 as the video codec", errCodecs)
	}
	return o, nil
}

// isVideo reports whether a codec of an offer is used, by its name, and that of the stream of
// packets that are sent again.
func isVideo(c sdp.Codec) bool {
	return strings.EqualFold(c.Name, "H264") && c.ClockRate == 90000 || strings.EqualFold(c.Name, "rtx") && c.ClockRate == 90000
}

func isAudio(c sdp.Codec) bool { return strings.EqualFold(c.Name, "opus") && c.ClockRate == 48000 }

// codecsOf returns the codecs of a medium that are used, as they were offered: the answer to one
// with another profile or level would not be an answer to it (RFC 6184 section 8.2.2). What the
// sender really uses is in the parameter sets.
func codecsOf(m *sdp.MediaDescription, used func(sdp.Codec) bool) []webrtc.RTPCodecParameters {
	one := sdp.SessionDescription{MediaDescriptions: []*sdp.MediaDescription{m}}
	var all, repairs []webrtc.RTPCodecParameters
	for _, format := range m.MediaName.Formats {
		n, err := strconv.ParseUint(format, 10, 7)
		if err != nil {
			continue
		}
		c, err := one.GetCodecForPayloadType(uint8(n))
		if err != nil || !used(c) {
			continue
		}
		codec := webrtc.RTPCodecParameters{PayloadType: webrtc.PayloadType(n)}
		codec.ClockRate, codec.SDPFmtpLine = c.ClockRate, c.Fmtp
		switch strings.ToLower(c.Name) {
		case "rtx":
			codec.MimeType = webrtc.MimeTypeRTX
			repairs = append(repairs, codec)
			continue
		case "opus":
			codec.MimeType, codec.Channels = webrtc.MimeTypeOpus, 2
			codec.RTCPFeedback = []webrtc.RTCPFeedback{{Type: "transport-cc"}, {Type: "nack"}}
		default:
			if parameter(c.Fmtp, "packetization-mode") == "2" {
				continue
			}
			codec.MimeType = webrtc.MimeTypeH264
			codec.RTCPFeedback = []webrtc.RTCPFeedback{
				{Type: "nack"}, {Type: "nack", Parameter: "pli"}, {Type: "ccm", Parameter: "fir"}, {Type: "transport-cc"}, {Type: "goog-remb"},
			}
		}
		all = append(all, codec)
	}
	for _, r := range repairs {
		repaired := parameter(r.SDPFmtpLine, "apt")
		if slices.ContainsFunc(all, func(c webrtc.RTPCodecParameters) bool { return strconv.Itoa(int(c.PayloadType)) == repaired }) {
			all = append(all, r)
		}
	}
	return all
}

// parameter returns a parameter of an fmtp attribute, or "".
func parameter(fmtp, name string) string {
	for one := range strings.SplitSeq(fmtp, ";") {
		key, value, _ := strings.Cut(strings.TrimSpace(one), "=")
		if strings.EqualFold(key, name) {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// answerOpus returns a local description for the peer that asks for Opus as it is to be sent: in stereo, at a
// good bit rate, and all the time. A browser sends mono unless its peer says so.
func answerOpus(answer string) (string, error) {
	var d sdp.SessionDescription
	if err := d.UnmarshalString(answer); err != nil {
		return "", fmt.Errorf("parse the answer: %w", err)
	}
	for _, m := range d.MediaDescriptions {
		if m.MediaName.Media != "audio" {
			continue
		}
		for _, c := range codecsOf(m, isAudio) {
			format := strconv.Itoa(int(c.PayloadType))
			m.Attributes = slices.DeleteFunc(m.Attributes, func(a sdp.Attribute) bool {
				return a.Key == "fmtp" && strings.HasPrefix(a.Value, format+" ")
			})
			m.Attributes = append(m.Attributes, sdp.NewAttribute("fmtp",
				format+" minptime=10;useinbandfec=1;usedtx=0;stereo=1;sprop-stereo=1;maxaveragebitrate=160000"))
		}
	}
	b, err := d.Marshal()
	return string(b), err
}
