package handshake

import (
	"crypto/rand"
	"fmt"
	"io"
)

const (
	version = 3
	// packetSize is the size of C1, S1, C2 and S2, in bytes.
	packetSize = 1536
)

// Size is the size of C0 and C1, which a client sends before it gets an answer.
const Size = 1 + packetSize

// Serve answers the client that sent c01, which is C0 and C1, and reads its C2. C2 is not
// verified: many clients send a wrong one, and nothing depends on it.
func Serve(rw io.ReadWriter, c01 []byte) error {
	if len(c01) != Size || c01[0] != version {
		panic("handshake: not a C0 and C1 of version 3")
	}
	reply := make([]byte, Size+packetSize)
	reply[0] = version
	s1, s2 := reply[1:Size], reply[Size:]
	// crypto/rand never fails.
	_, _ = rand.Read(reply[9:])
	if digest, at := clientDigest(c01[1:]); digest != nil {
		copy(s1[4:], serverVersion())
		signS1(s1, at)
		signS2(s2, digest)
	} else {
		// S1: time 0 and zeros, then random bytes; S2: the echo of C1.
		clear(s1[:8])
		copy(s2, c01[1:])
	}
	if _, err := rw.Write(reply); err != nil {
		return fmt.Errorf("write handshake: %w", err)
	}
	if _, err := io.ReadFull(rw, reply[:packetSize]); err != nil {
		return fmt.Errorf("read handshake: %w", err)
	}
	return nil
}
