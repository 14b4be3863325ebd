package main

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"net"

	"github.com/prometheus/client_golang/prometheus"
)

// Message types (RTMP 1.0, sections 5.4 and 7.1).
const (
	typeSetChunkSize = 1
	typeCommand      = 20
)

const (
	handshakeSize = 1536
	maxChunk      = 1 << 20
	maxMessage    = 1 << 24
	chunkStreams  = 64 // those with a basic header of one byte
	commandChunks = 3
)

// message is the message of a chunk stream that is being read. Its payload is read
// over that of the one before.
type message struct {
	length, got int
	kind        byte
	extended    bool
	payload     []byte
}

// reader reads one connection.
type reader struct {
	conn     net.Conn
	in       *bufio.Reader
	size     int // of the peer's chunks
	streams  [chunkStreams]message
	scratch  [16]byte
	received prometheus.Counter
	live     prometheus.Gauge
	counted  bool
}

func newReader(conn net.Conn, received prometheus.Counter, live prometheus.Gauge) *reader {
	return &reader{conn: conn, in: bufio.NewReaderSize(conn, 64<<10), size: 128, received: received, live: live}
}

// run reads until the connection ends.
func (r *reader) run() error {
	defer func() {
		if r.counted {
			r.live.Dec()
		}
	}()
	if err := r.handshake(); err != nil {
		return err
	}
	for {
		if err := r.chunk(); err != nil {
			return err
		}
	}
}

// handshake performs the handshake of RTMP 1.0, section 5.2, without digests.
func (r *reader) handshake() error {
	hello := make([]byte, 1+handshakeSize)
	if _, err := io.ReadFull(r.in, hello); err != nil {
		return err
	}
	answer := make([]byte, 1+2*handshakeSize)
	answer[0] = 3
	copy(answer[1+handshakeSize:], hello[1:])
	if _, err := r.conn.Write(answer); err != nil {
		return err
	}
	_, err := r.in.Discard(handshakeSize)
	return err
}

// chunk reads one chunk (RTMP 1.0, section 5.3.1), and acts on the message that it ends.
func (r *reader) chunk() error {
	first, err := r.in.ReadByte()
	if err != nil {
		return err
	}
	id, format := first&0x3f, first>>6
	if id < 2 {
		return fmt.Errorf("chunk stream %d has a longer basic header", id)
	}
	m := &r.streams[id]
	size := [...]int{11, 7, 3, 0}[format]
	header := r.scratch[:size]
	if _, err := io.ReadFull(r.in, header); err != nil {
		return err
	}
	if size >= 3 {
		m.extended = header[0]&header[1]&header[2] == 0xff
	}
	if size >= 7 {
		m.length, m.kind = int(header[3])<<16|int(header[4])<<8|int(header[5]), header[6]
		if m.length > maxMessage {
			return errors.New("message is too long")
		}
		if cap(m.payload) < m.length {
			m.payload = make([]byte, m.length)
		}
	}
	if m.extended {
		size += 4
		if _, err := r.in.Discard(4); err != nil {
			return err
		}
	}
	n := min(r.size, m.length-m.got)
	if _, err := io.ReadFull(r.in, m.payload[m.got:m.got+n]); err != nil {
		return err
	}
	m.got += n
	r.received.Add(float64(1 + size + n))
	if m.got < m.length {
		return nil
	}
	m.got = 0
	return r.act(m.kind, m.payload[:m.length])
}

func (r *reader) act(kind byte, payload []byte) error {
	switch {
	case kind == typeSetChunkSize && len(payload) >= 4:
		r.size = int(min(binary.BigEndian.Uint32(payload), maxChunk))
	case kind == typeCommand && len(payload) > 3:
		return r.command(payload)
	}
	return nil
}

// command answers what a publisher waits for.
func (r *reader) command(payload []byte) error {
	end := 3 + int(payload[2])
	if len(payload) < end+9 {
		return errors.New("command is too short")
	}
	transaction := payload[end : end+9]
	switch string(payload[3:end]) {
	case "connect":
		return r.reply("_result", transaction, null(), status("NetConnection.Connect.Success"))
	case "createStream":
		return r.reply("_result", transaction, null(), number(1))
	case "publish":
		r.counted = true
		r.live.Inc()
		return r.reply("onStatus", number(0), null(), status("NetStream.Publish.Start"))
	}
	return nil
}

// reply writes a command message in one chunk of at most 128 bytes.
func (r *reader) reply(name string, values ...[]byte) error {
	body := text(name)
	for _, v := range values {
		body = append(body, v...)
	}
	message := append([]byte{commandChunks, 0, 0, 0, 0, 0, byte(len(body)), typeCommand, 1, 0, 0, 0}, body...)
	_, err := r.conn.Write(message)
	return err
}

// The values of AMF0 that responses consist of.

func null() []byte { return []byte{5} }

func number(v float64) []byte {
	return binary.BigEndian.AppendUint64([]byte{0}, math.Float64bits(v))
}

func text(s string) []byte { return append([]byte{2, 0, byte(len(s))}, s...) }

func status(code string) []byte {
	b := []byte{3}
	for _, property := range [][2]string{{"level", "status"}, {"code", code}} {
		b = append(append(b, 0, byte(len(property[0]))), property[0]...)
		b = append(b, text(property[1])...)
	}
	return append(b, 0, 0, 9)
}
