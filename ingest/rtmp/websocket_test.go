package rtmp

import (
	"encoding/binary"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"golive/ingest"
	"golive/ingest/ingesttest"
	"golive/ingest/websocket"
)

// overWebSocket publishes tags over WebSocket, and then sends nothing for as long as linger.
func overWebSocket(t *testing.T, cfg ingest.Config, tags []tag, linger time.Duration) sessionResult {
	h := newHarness(t, cfg)
	server := websocket.NewServer(cfg, websocket.Site{AllowOrigin: func(string) bool { return true }}, h.server.sessions, h.server.log)
	near, far := net.Pipe()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/v1/broadcasts/studio/publish", http.NoBody)
	r.Header = http.Header{
		"Connection": {"Upgrade"}, "Upgrade": {"websocket"}, "Sec-Websocket-Version": {"13"},
		"Sec-Websocket-Key": {"AAAAAAAAAAAAAAAAAAAAAA=="}, "Sec-Websocket-Protocol": {"golive.flv"}, "User-Agent": {"test/1.0"},
	}
	r.SetPathValue("id", "studio")
	done := make(chan struct{})
	go func() { defer close(done); server.ServeHTTP(&ingesttest.HijackRecorder{Conn: near}, r) }()
	s, start := <-h.Opened, time.Now()
	go func() {
		for b := make([]byte, 1000); ; {
			if _, err := far.Read(b); err != nil {
				return
			}
		}
	}()
	const binaryMessage, closing = 0x82, 0x88 // opcodes with the FIN bit
	write := func(kind byte, payload []byte) error {
		b := binary.BigEndian.AppendUint64([]byte{kind, 0x80 | 127}, uint64(len(payload)))
		if kind == closing { // control frames have only the short form of the length
			b = []byte{kind, 0x80 | byte(len(payload))}
		}
		_, err := far.Write(append(append(b, 0, 0, 0, 0), payload...))
		return err
	}
	for _, tag := range tags {
		<-time.After(tag.after)
		n, at := len(tag.Body), tag.Timestamp
		message := []byte{tag.Type, byte(n >> 16), byte(n >> 8), byte(n), byte(at >> 16), byte(at >> 8), byte(at), byte(at >> 24), 0, 0, 0}
		if err := write(binaryMessage, append(message, tag.Body...)); err != nil {
			break // the session has ended
		}
	}
	if linger > 0 {
		select {
		case <-time.After(linger):
		case <-s.Closed:
		}
	}
	_ = write(closing, []byte{1000 >> 8, 1000 & 0xff}) // fails if the session has ended
	synctest.Wait()
	o := sessionResultOf(t, h, s, start)
	_ = far.Close()
	<-done
	return o
}
