package whip

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/pion/webrtc/v4"

	"golive/ingest"
	"golive/ingest/ingesttest"
)

func TestHandler_RefusesWithAStatusAndAReason(t *testing.T) {
	_, offer := newClient(t, codecH264(usualFmtp))
	const sdpType, key = "application/sdp", "Bearer " + theKey
	vp8 := strings.ReplaceAll(offer, "H264/90000", "VP8/90000")
	for name, c := range map[string]struct {
		contentType, authorization, body string
		refusal                          error
		want                             int
		detail                           string
	}{
		"no key":                    {sdpType, "", offer, nil, 401, "Bearer KEY"},
		"another scheme":            {sdpType, "Basic " + theKey, offer, nil, 401, "Bearer KEY"},
		"an unknown key":            {sdpType, "Bearer not-the-key", offer, nil, 401, "not known"},
		"an unknown key and no SDP": {sdpType, "Bearer not-the-key", "hello", nil, 400, "no SDP"},
		"no content type":           {"", key, offer, nil, 415, sdpType},
		"another content type":      {"text/plain", key, offer, nil, 415, sdpType},
		"no SDP":                    {sdpType, key, "hello", nil, 400, "no SDP"},
		"nothing":                   {sdpType, key, "", nil, 400, "no SDP"},
		"too much":                  {sdpType, key, strings.Repeat("a", maxOffer+1), nil, 413, "65536"},
		"no H.264":                  {sdpType, key, vp8, nil, 422, "H.264"},
		"a data channel":            {sdpType, key, offer + "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:9\r\n", nil, 422, "application"},
		"to receive":                {sdpType, key, strings.ReplaceAll(offer, "a=sendonly", "a=recvonly"), nil, 422, "sendonly"},
		"SDP without ICE":           {sdpType, key, strings.ReplaceAll(offer, "a=ice-", "a=no-"), nil, 400, ""},
		"SDP without a fingerprint": {sdpType, key, strings.ReplaceAll(offer, "a=fingerprint", "a=no"), nil, 400, ""},
		"refused by the app":        {sdpType, key, offer, fmt.Errorf("%w: not now", ingest.ErrRefused), 403, "not now"},
		"taken":                     {sdpType, key, offer, ingest.ErrTaken, 409, "already"},
		"ended":                     {sdpType, key, offer, ingest.ErrEnded, 410, "ended"},
		"too many":                  {sdpType, key, offer, &ingest.LimitError{Limit: ingest.LimitSessions, Measured: "3", Allowed: "3"}, 503, "limit"},
		"no registry":               {sdpType, key, offer, ingest.ErrUnavailable, 503, "no publishers now"},
		"a bug":                     {sdpType, key, offer, errors.New("disk 7: input/output error"), 500, "internal error"},
	} {
		t.Run(name, func(t *testing.T) {
			h := start(t, testConfig())
			h.Refuse(c.refusal)
			headers := []string{"Origin", "https://app.test"}
			if c.contentType != "" {
				headers = append(headers, "Content-Type", c.contentType)
			}
			if c.authorization != "" {
				headers = append(headers, "Authorization", c.authorization)
			}
			r := do(t, http.MethodPost, h.url, c.body, headers...)
			var problem struct{ Detail string }
			if err := json.Unmarshal([]byte(r.body), &problem); err != nil || r.header.Get("Content-Type") != "application/problem+json" {
				t.Fatalf("%d %s: %v", r.status, r.body, err)
			}
			if r.status != c.want || !strings.Contains(problem.Detail, c.detail) || strings.Contains(problem.Detail, "disk") {
				t.Errorf("%d %q, want %d with %q", r.status, problem.Detail, c.want, c.detail)
			}
			if r.header.Get("Access-Control-Allow-Origin") != "https://app.test" {
				t.Errorf("headers %v, want the origin allowed", r.header)
			}
			if len(h.server.running) != 0 || h.server.slots.Taken() != 0 {
				t.Errorf("%d sessions and %d slots are left", len(h.server.running), h.server.slots.Taken())
			}
			select {
			case s := <-h.Opened:
				if err := s.End(t); err == nil {
					t.Error("a session had a clean end")
				}
			default:
			}
		})
	}
}

func TestHandler_AnswersOptionsAndRefusesOtherMethods(t *testing.T) {
	h := start(t, testConfig())
	for url, methods := range map[string]string{h.url: "OPTIONS, POST", h.url + "/some": "OPTIONS, DELETE, PATCH"} {
		r := do(t, http.MethodOptions, url, "", "Origin", "https://app.test", "Access-Control-Request-Method", "POST", "Access-Control-Request-Headers", "authorization, content-type")
		for name, want := range map[string]string{
			"Access-Control-Allow-Origin":  "https://app.test",
			"Access-Control-Allow-Methods": methods,
			"Access-Control-Allow-Headers": "authorization, content-type",
			"Allow":                        methods,
		} {
			if got := r.header.Get(name); r.status != http.StatusNoContent || got != want {
				t.Errorf("OPTIONS %s: %d, %s is %q, want %q", url, r.status, name, got, want)
			}
		}
		if post := r.header.Get("Accept-Post"); (post == "application/sdp") != (url == h.url) {
			t.Errorf("%s: Accept-Post %q, want it only for new sessions", url, post)
		}
		for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPut} {
			if r := do(t, method, url, ""); r.status != http.StatusMethodNotAllowed || r.header.Get("Allow") != methods {
				t.Errorf("%s %s: %d, Allow %q, want 405 and %q", method, url, r.status, r.header.Get("Allow"), methods)
			}
		}
	}
	if r := do(t, http.MethodPost, h.url+"/some", ""); r.status != http.StatusMethodNotAllowed {
		t.Errorf("POST to a session: %d, want 405", r.status)
	}
	for _, method := range []string{http.MethodDelete, http.MethodPatch} {
		if r := do(t, method, h.url+"/some", ""); r.status != http.StatusNotFound {
			t.Errorf("%s of an unknown session: %d, want 404", method, r.status)
		}
	}
	if r := do(t, http.MethodOptions, h.url, "", "Origin", "https://other.test"); r.header.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("another origin is allowed: %v", r.header)
	}
}

func TestHandler_AnswersWithParametersThatTheSenderMayUse(t *testing.T) {
	h := start(t, testConfig())
	c, _ := h.publish(t, codecH264("level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=640c34"))
	for _, want := range []string{
		"a=rtpmap:102 H264/90000", "profile-level-id=640c34", "a=rtcp-fb:102 nack pli", "a=rtcp-fb:102 nack\r\n",
		"a=rtpmap:111 opus/48000/2", "stereo=1", "a=recvonly", "a=ice-lite",
	} {
		if !strings.Contains(c.answer, want) {
			t.Errorf("the answer has no %q", want)
		}
	}
	if strings.Contains(c.answer, "stereo=0") {
		t.Error("the answer repeats stereo=0")
	}
	if t.Failed() {
		t.Log(c.answer)
	}
}

func TestHandler_AdvertisesTheAddressesOfNAT(t *testing.T) {
	cfg := testConfig()
	cfg.WHIP.Advertise = []string{"203.0.113.7", "2001:db8::7"}
	h := start(t, cfg)
	_, offer := newClient(t, codecH264(usualFmtp))
	r := do(t, http.MethodPost, h.url, offer, "Content-Type", "application/sdp", "Authorization", "Bearer "+theKey)
	if r.status != http.StatusCreated || !strings.Contains(r.body, " 203.0.113.7 ") || strings.Contains(r.body, " 127.0.0.1 ") {
		t.Errorf("%d %s", r.status, r.body)
	}
}

func TestPatch_AddsCandidatesAndRestartsICE(t *testing.T) {
	h := start(t, testConfig())
	c, sink := h.publish(t, codecH264(usualFmtp))
	candidate := "a=mid:0\r\na=candidate:1 1 udp 2130706431 127.0.0.1 9 typ host\r\n"
	patch := func(body string, headers ...string) reply {
		return do(t, http.MethodPatch, c.url, body, append([]string{"Content-Type", fragmentType}, headers...)...)
	}
	user := "a=ice-ufrag:abcd\r\n"
	for name, p := range map[string]struct {
		r    reply
		want int
	}{
		"another content type":    {do(t, http.MethodPatch, c.url, candidate, "Content-Type", "text/plain", "If-Match", c.tag), 415},
		"a candidate":             {patch(candidate, "If-Match", c.tag), 204},
		"the end of candidates":   {patch("a=end-of-candidates\r\n", "If-Match", c.tag), 204},
		"no If-Match":             {patch(candidate), 428},
		"another ETag":            {patch(candidate, "If-Match", `"other"`), 412},
		"nothing":                 {patch("", "If-Match", c.tag), 400},
		"an invalid candidate":    {patch("a=candidate:nonsense\r\n", "If-Match", c.tag), 400},
		"too many candidates":     {patch(strings.Repeat(candidate, maxCandidates+1), "If-Match", c.tag), 400},
		"a short password":        {patch(user+"a=ice-pwd:short\r\n", "If-Match", "*"), 400},
		"a password with a space": {patch(user+"a=ice-pwd:0123456789012345678901 x\r\n", "If-Match", "*"), 400},
	} {
		if p.r.status != p.want {
			t.Errorf("%s: %d %s, want %d", name, p.r.status, p.r.body, p.want)
		}
	}

	// The client restarts ICE, and its media arrives over the new session.
	offer := c.offer(t, &webrtc.OfferOptions{ICERestart: true})
	var fragment strings.Builder
	for line := range strings.Lines(offer) {
		if strings.HasPrefix(line, "a=ice-") && !strings.Contains(fragment.String(), line[:10]) {
			fragment.WriteString(line)
		}
	}
	r := patch(fragment.String(), "If-Match", "*")
	if r.status != http.StatusOK || r.header.Get("Content-Type") != fragmentType || r.header.Get("ETag") == c.tag {
		t.Fatalf("restart: %d %s", r.status, r.body)
	}
	next, err := parseFragment(r.body)
	if err != nil || len(next.candidates) == 0 {
		t.Fatalf("fragment %s: %v", r.body, err)
	}
	answer, err := withCredentials(c.answer, next.user, next.password)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: answer}); err != nil {
		t.Fatal(err)
	}
	for _, candidate := range next.candidates {
		if err := c.AddICECandidate(candidate); err != nil {
			t.Fatal(err)
		}
	}
	all, sps, pps := pictures(t)
	var p packetizer
	attempts := 0
	for ; ; attempts++ { // packets that are sent before the restart is complete may be lost
		pic := all[0]
		pic.at += uint32(3000 * attempts)
		send(t, c.video, p.packets(pic, sps, pps)...)
		if len(sink.Wrote) > 10 {
			break
		}
		if attempts > 100_000 {
			t.Fatal("no picture arrived after the restart")
		}
	}
	if r := patch(candidate, "If-Match", c.tag); r.status != http.StatusPreconditionFailed {
		t.Errorf("the old ETag: %d, want 412", r.status)
	}
}

func TestHandler_IsUnavailableWhileItStops(t *testing.T) {
	h := start(t, testConfig())
	_, offer := newClient(t, codecH264(usualFmtp))
	h.stop()
	if err := ingesttest.Await(t, "the end", h.done); err != nil {
		t.Fatal(err)
	}
	h.done <- nil
	r := do(t, http.MethodPost, h.url, offer, "Content-Type", "application/sdp", "Authorization", "Bearer "+theKey)
	if r.status != http.StatusServiceUnavailable || r.header.Get("Retry-After") == "" {
		t.Errorf("%d %s", r.status, r.body)
	}
}

func FuzzParseOffer(f *testing.F) {
	f.Add("v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\na=rtpmap:96 H264/90000\r\na=fmtp:96 packetization-mode=1\r\n")
	f.Fuzz(func(t *testing.T, text string) {
		o, err := parseOffer(text)
		if err == nil && len(o.video) == 0 {
			t.Error("an offer without a codec was accepted")
		}
		_, _ = parseFragment(text)
		_, _ = withCredentials(text, "user", "password")
		_, _ = fragmentOf(text)
		_, _ = answerOpus(text)
	})
}
