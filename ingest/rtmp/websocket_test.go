package rtmp

import (
	"bufio"
	"encoding/binary"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"golive/ingest"
	"golive/ingest/websocket"
)

// upgraded is a response whose connection is conn.
type upgraded struct {
	httptest.ResponseRecorder
	conn net.Conn
}

// Hijack implements http.Hijacker.
func (u *upgraded) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return u.conn, bufio.NewReadWriter(bufio.NewReader(u.conn), bufio.NewWriter(u.conn)), nil
}

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
	go func() { defer close(done); server.ServeHTTP(&upgraded{conn: near}, r) }()
	s, start := <-h.opened, time.Now()
	go func() {
		for b := make([]byte, 1000); ; {
			if _, err := far.Read(b); err != nil {
				return
			}
		}
	}()
	const binaryMessage, closing = 0x82, 0x88 // and the bit of a whole message
	write := func(kind byte, payload []byte) error {
		b := binary.BigEndian.AppendUint64([]byte{kind, 0x80 | 127}, uint64(len(payload)))
		if kind == closing { // which has the short form only
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
			break // it was ended
		}
	}
	if linger > 0 {
		select {
		case <-time.After(linger):
		case <-s.closed:
		}
	}
	_ = write(closing, []byte{1000 >> 8, 1000 & 0xff}) // unless it was ended
	synctest.Wait()
	o := sessionResultOf(t, h, s, start)
	_ = far.Close()
	<-done
	return o
}
