package whip

import (
	"bytes"
	"errors"
	"net/http"
	"testing"

	"golive/ingest"
	"golive/ingest/ingesttest"
	"golive/media"
)

func TestServer_WritesThePicturesOfAPublisher(t *testing.T) {
	h := start(t, testConfig())
	c, sink := h.publish(t, codecH264(usualFmtp))
	all, sps, pps := pictures(t)
	p := packetizer{sequence: 0xfff0, offset: 0xffff0000} // both wrap
	for _, pic := range all[:90] {
		var sets [][]byte
		if pic.key {
			sets = [][]byte{sps, pps}
		}
		send(t, c.video, p.packets(pic, sets...)...)
	}
	var first media.AccessUnit
	for i, pic := range all[:90] {
		u := sink.Unit(t)
		if i == 0 {
			first = u
		}
		if want := media.Ticks(pic.at - all[0].at); u.PTS-first.PTS != want || u.DTS-first.DTS != want {
			t.Fatalf("picture %d: DTS %d, PTS %d, want %d", i, u.DTS-first.DTS, u.PTS-first.PTS, want)
		}
		if u.Key != pic.key || !bytes.HasSuffix(u.Data, pic.nals[len(pic.nals)-1]) || u.Track != first.Track {
			t.Fatalf("picture %d: key %v, %d bytes; want key %v and the bytes that were sent", i, u.Key, len(u.Data), pic.key)
		}
	}
	if first.Track.Width != 640 || first.Track.Height != 360 {
		t.Errorf("track %+v, want 640x360", first.Track)
	}
	if p := sink.Publisher; p.Protocol != "whip" || sink.ID != "show" {
		t.Errorf("publisher %+v of %s, want whip of show", p.Request, sink.ID)
	}
	if r := do(t, http.MethodDelete, c.url, ""); r.status != http.StatusOK {
		t.Errorf("DELETE: %d %s", r.status, r.body)
	}
	if err := sink.End(t); err != nil {
		t.Errorf("ended with %v", err)
	}
	ingesttest.Await(t, "the connection's end", c.closed)
	if r := do(t, http.MethodDelete, c.url, ""); r.status != http.StatusNotFound {
		t.Errorf("second DELETE: %d %s", r.status, r.body)
	}
}

func TestServer_EndsSessionsWhenItStops(t *testing.T) {
	h := start(t, testConfig())
	_, sink := h.publish(t, codecH264(usualFmtp))
	h.stop()
	if err := sink.End(t); !errors.Is(err, ingest.ErrClosing) {
		t.Errorf("ended with %v", err)
	}
}

func TestServer_EndsTheSessionOfAPublisherThatIsGone(t *testing.T) {
	h := start(t, testConfig())
	c, sink := h.publish(t, codecH264(usualFmtp))
	if err := c.GracefulClose(); err != nil {
		t.Fatal(err)
	}
	if err := sink.End(t); !errors.Is(err, errLost) || ingest.OutcomeOf(err).End != ingest.EndLost {
		t.Errorf("ended with %v", err)
	}
	if r := do(t, http.MethodDelete, c.url, ""); r.status != http.StatusNotFound {
		t.Errorf("DELETE: %d %s", r.status, r.body)
	}
}
