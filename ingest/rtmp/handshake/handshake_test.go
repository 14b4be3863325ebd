package handshake

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"io"
	"strings"
	"testing"
)

// peer is a connection from whose other end in is read, and to which out is written.
type peer struct {
	in  io.Reader
	out bytes.Buffer
}

func (p *peer) Read(b []byte) (int, error)  { return p.in.Read(b) }
func (p *peer) Write(b []byte) (int, error) { return p.out.Write(b) }

func packet(fill byte) []byte { return bytes.Repeat([]byte{fill}, packetSize) }

func TestServe_EchoesC1ToAPlainClient(t *testing.T) {
	c1 := packet(7)
	p := &peer{in: bytes.NewReader(packet(1))}
	if err := Serve(p, append([]byte{3}, c1...)); err != nil {
		t.Fatal(err)
	}
	out := p.out.Bytes()
	if len(out) != 1+2*packetSize {
		t.Fatalf("the answer has %d bytes, want %d", len(out), 1+2*packetSize)
	}
	if out[0] != 3 || !bytes.Equal(out[1:9], make([]byte, 8)) || !bytes.Equal(out[Size:], c1) {
		t.Errorf("S0 %d, S1 begins with %x, S2 is C1: %v; want 3, zeros, true", out[0], out[1:9], bytes.Equal(out[Size:], c1))
	}
}

func TestRow49_DigestClientIsAnsweredWithDigests(t *testing.T) {
	for _, base := range []int{8, 8 + halfSize} {
		c1 := packet(0x55)
		at := digestAt(c1, base)
		clientSum := digest(c1, at, playerKey)
		copy(c1[at:], clientSum)
		p := &peer{in: bytes.NewReader(packet(1))}
		if err := Serve(p, append([]byte{3}, c1...)); err != nil {
			t.Fatal(err)
		}
		s1, s2 := p.out.Bytes()[1:Size], p.out.Bytes()[Size:]
		at = digestAt(s1, base)
		if !bytes.Equal(s1[at:at+digestSize], digest(s1, at, serverKey)) {
			t.Errorf("base %d: S1 has no valid digest at its place", base)
		}
		k := hmac.New(sha256.New, []byte(serverKey+secretTail))
		k.Write(clientSum)
		h := hmac.New(sha256.New, k.Sum(nil))
		h.Write(s2[:packetSize-digestSize])
		if !bytes.Equal(s2[packetSize-digestSize:], h.Sum(nil)) {
			t.Errorf("base %d: S2 has no valid digest of C1", base)
		}
	}
}

func TestServe_ReportsWhereItFailed(t *testing.T) {
	c01 := append([]byte{3}, packet(7)...)
	err := Serve(&peer{in: strings.NewReader("short")}, c01)
	if !errors.Is(err, io.ErrUnexpectedEOF) || !strings.HasPrefix(err.Error(), "read handshake: ") {
		t.Errorf("err = %v, want io.ErrUnexpectedEOF of the handshake", err)
	}
}

func TestRow50_SniffDetectsTheProtocol(t *testing.T) {
	for first, want := range map[string]Protocol{
		"\x03":               RTMP,
		"\x03\x00\x00":       RTMP,
		"\x06\x00":           RTMPE,
		"\x16\x03\x01":       TLS,
		"GET / HTTP/1.1\r\n": HTTP,
		"HEAD / HTTP/1.0":    HTTP,
		"PRI * HTTP/2.0":     HTTP,
		"PROXY TCP4 1.2.3.4": Proxy,
		"\r\n\r\n\x00":       Proxy,
		"SSH-2.0-x":          Unknown,
		"\xff\xff":           Unknown,
		"G":                  Unknown,
	} {
		if got := Sniff([]byte(first)); got != want {
			t.Errorf("%q is %s, want %s", first, got, want)
		}
	}
}

func FuzzServe(f *testing.F) {
	f.Add(packet(0), packet(1))
	f.Fuzz(func(_ *testing.T, c1, c2 []byte) {
		if len(c1) != packetSize {
			return
		}
		_ = Serve(&peer{in: bytes.NewReader(c2)}, append([]byte{3}, c1...))
	})
}
