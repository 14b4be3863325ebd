package main

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"golive/api"
	"golive/container/amf0"
	message "golive/ingest/rtmp/chunk"
	"golive/ingest/rtmp/handshake"
)

// patience bounds what a test waits for; only failing tests reach it.
const patience = 20 * time.Second

// encoder is a publisher whose messages a test sends one by one.
type encoder struct {
	t        *testing.T
	conn     net.Conn
	messages *message.Reader
}

// connect does the handshake on conn and asks to publish name. It returns the code of the
// answer.
func connect(t *testing.T, conn net.Conn, name string) (e *encoder, code string) {
	t.Helper()
	t.Cleanup(func() { _ = conn.Close() })
	e = &encoder{t: t, conn: conn, messages: message.NewReader(conn, 4096, message.Limits{MessageSize: 1 << 20, ChunkStreams: 64})}
	e.write(append([]byte{3}, make([]byte, handshake.Size-1)...))
	answer := make([]byte, 2*handshake.Size-1)
	_ = conn.SetReadDeadline(time.Now().Add(patience))
	if _, err := io.ReadFull(conn, answer); err != nil {
		t.Fatalf("handshake: %v", err)
	}
	e.write(answer[1:handshake.Size])
	const canReconnect = 1
	e.command("connect", 1, amf0.Object{{Name: "app", Value: "live"}, {Name: "capsEx", Value: canReconnect}})
	e.command("publish", 2, nil, name)
	return e, e.status()
}

// publish publishes name, which must be accepted.
func (s *running) publish(t *testing.T, name string) *encoder {
	t.Helper()
	e, code := s.tryPublish(t, name)
	if code != "NetStream.Publish.Start" {
		t.Fatalf("publish %s: %s", name, code)
	}
	return e
}

func (s *running) tryPublish(t *testing.T, name string) (e *encoder, code string) {
	t.Helper()
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", s.listeners.rtmp.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return connect(t, conn, name)
}

func (e *encoder) write(b []byte) {
	e.t.Helper()
	if _, err := e.conn.Write(b); err != nil {
		e.t.Fatalf("write: %v", err)
	}
}

func (e *encoder) send(kind uint8, at uint32, body []byte) {
	e.t.Helper()
	e.write(message.Append(nil, message.Message{Type: kind, ChunkStream: 4, Stream: 1, Timestamp: at, Body: body}, message.DefaultSize))
}

func (e *encoder) command(values ...any) {
	e.t.Helper()
	e.send(message.TypeCommandAMF0, 0, amf0.Append(nil, values...))
}

// status returns the code of the server's next onStatus.
func (e *encoder) status() string {
	e.t.Helper()
	for {
		m, err := e.messages.Next()
		if err != nil {
			e.t.Fatalf("wait for onStatus: %v", err)
		}
		if values, err := amf0.DecodeAll(m.Body); err == nil && m.Type == message.TypeCommandAMF0 && values[0] == "onStatus" {
			return values[3].(amf0.Object).String("code")
		}
	}
}

// vanish breaks the connection without a word.
func (e *encoder) vanish() {
	if tcp, ok := e.conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = e.conn.Close()
}

// stop ends the publication as encoders do.
func (e *encoder) stop() {
	e.t.Helper()
	e.command("FCUnpublish", 3, nil, "x")
	e.command("deleteStream", 4, nil, 1)
}

func unhex(s string) []byte {
	b, err := hex.DecodeString(s)
	if err != nil {
		panic(err)
	}
	return b
}

// Parameter sets that x264 made.
func large() []byte {
	return avcConfig("6764000dacd94141fb011000000300100000030320f1429960", "68ebe3cb22c0") // 320×240
}

func small() []byte {
	return avcConfig("6742c00bd902847e5c0440000003004000000c83c50a92", "68cb83cb20") // 160×120
}

func avcConfig(sps, pps string) []byte {
	s, p := unhex(sps), unhex(pps)
	b := append(unhex("1700000000"+"01"), s[1], s[2], s[3], 0xff, 0xe1, 0, byte(len(s)))
	b = append(append(b, s...), 1, 0, byte(len(p)))
	return append(b, p...)
}

// picture returns a video body with one NAL unit.
func picture(key bool) []byte {
	const size = 2000
	b, nal := unhex("2701000000"), byte(0x41)
	if key {
		b, nal = unhex("1701000000"), 0x65
	}
	b = append(binary.BigEndian.AppendUint32(b, size), nal)
	return append(b, bytes.Repeat([]byte{0x88}, size-1)...)
}

// video sends 25 pictures a second from one millisecond to another, and a key
// frame each so many.
func (e *encoder) video(from, to, gop uint32) {
	e.t.Helper()
	for at := from; at < to; at += 40 {
		e.send(message.TypeVideo, at, picture((at-from)%gop == 0))
	}
}

// audio sends 50 frames a second.
func (e *encoder) audio(from, to uint32) {
	e.t.Helper()
	for at := from; at < to; at += 20 {
		e.send(message.TypeAudio, at, unhex("af01210049900219"))
	}
}

func (e *encoder) audioConfig() { e.t.Helper(); e.send(message.TypeAudio, 0, unhex("af001190")) }

func (e *encoder) videoConfig(at uint32, config []byte) {
	e.t.Helper()
	e.send(message.TypeVideo, at, config)
}

// get returns the body at a path, or nothing if the status is not 200.
func (s *running) get(t *testing.T, path string) string {
	t.Helper()
	r, err := s.client.Get(fmt.Sprintf("http://%s%s", s.listeners.http.Addr(), path))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Body.Close() }()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	if r.StatusCode != http.StatusOK {
		return ""
	}
	return string(body)
}

// until reads a path until its text is as it should be.
func (s *running) until(t *testing.T, path, what string, good func(text string) bool) string {
	t.Helper()
	var text string
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); <-time.After(20 * time.Millisecond) {
		if text = s.get(t, path); good(text) {
			return text
		}
	}
	t.Fatalf("%s: no %s in\n%s", path, what, text)
	return ""
}

// mediaPlaylist waits until the broadcast's media playlist has all words.
func (s *running) mediaPlaylist(t *testing.T, id string, words ...string) string {
	t.Helper()
	return s.until(t, "/live/"+id+"/source/index.m3u8", strings.Join(words, ", "), func(text string) bool {
		for _, w := range words {
			if !strings.Contains(text, w) {
				return false
			}
		}
		return text != ""
	})
}

// status waits until the API says of the broadcast what it should.
func (s *running) status(t *testing.T, id, what string, good func(api.Broadcast) bool) api.Broadcast {
	t.Helper()
	var b api.Broadcast
	s.until(t, "/v1/broadcasts/"+id, what, func(text string) bool {
		b = api.Broadcast{}
		return json.Unmarshal([]byte(text), &b) == nil && good(b)
	})
	return b
}
