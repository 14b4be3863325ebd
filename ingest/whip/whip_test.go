package whip

import (
	"bytes"
	"errors"
	"net/http"
	"testing"

	"golive/ingest"
	"golive/media"
)

func TestServer_PassesOnThePicturesOfAPublisher(t *testing.T) {
	h := start(t, testConfig())
	c, sink := h.publish(t, codecH264(usualFmtp))
	all, sps, pps := pictures(t)
	p := packetiser{sequence: 0xfff0, offset: 0xffff0000} // both wrap
	for _, pic := range all[:90] {
		var sets [][]byte
		if pic.key {
			sets = [][]byte{sps, pps}
		}
		send(t, c.video, p.packets(pic, sets...)...)
	}
	var first media.AccessUnit
	for i, pic := range all[:90] {
		u := sink.unit(t)
		if i == 0 {
			first = u
		}
		if want := media.Ticks(pic.at - all[0].at); u.PTS-first.PTS != want || u.DTS-first.DTS != want {
			t.Fatalf("picture %d: DTS %d, PTS %d, want %d", i, u.DTS-first.DTS, u.PTS-first.PTS, want)
		}
		if u.Key != pic.key || !bytes.HasSuffix(u.Data, pic.nals[len(pic.nals)-1]) || u.Track != first.Track {
			t.Fatalf("picture %d: key %v, %d bytes", i, u.Key, len(u.Data))
		}
	}
	if first.Track.Width != 640 || first.Track.Height != 360 {
		t.Errorf("track %+v", first.Track)
	}
	if p := sink.publisher; p.Protocol != "whip" || sink.id != "show" {
		t.Errorf("publisher %+v of %s", p.Request, sink.id)
	}
	if r := do(t, http.MethodDelete, c.url, ""); r.status != http.StatusOK {
		t.Errorf("DELETE: %d %s", r.status, r.body)
	}
	if err := sink.end(t); err != nil {
		t.Errorf("ended with %v", err)
	}
	await(t, "the connection's end", c.closed)
	if r := do(t, http.MethodDelete, c.url, ""); r.status != http.StatusNotFound {
		t.Errorf("second DELETE: %d %s", r.status, r.body)
	}
}

func TestServer_EndsSessionsWhenItStops(t *testing.T) {
	h := start(t, testConfig())
	_, sink := h.publish(t, codecH264(usualFmtp))
	h.stop()
	if err := sink.end(t); !errors.Is(err, ingest.ErrClosing) {
		t.Errorf("ended with %v", err)
	}
}

func TestServer_LosesAPublisherThatIsGone(t *testing.T) {
	h := start(t, testConfig())
	c, sink := h.publish(t, codecH264(usualFmtp))
	if err := c.GracefulClose(); err != nil {
		t.Fatal(err)
	}
	if err := sink.end(t); !errors.Is(err, errLost) || ingest.OutcomeOf(err).End != ingest.EndLost {
		t.Errorf("ended with %v", err)
	}
	if r := do(t, http.MethodDelete, c.url, ""); r.status != http.StatusNotFound {
		t.Errorf("DELETE: %d %s", r.status, r.body)
	}
}
