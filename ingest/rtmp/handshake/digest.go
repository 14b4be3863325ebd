package handshake

import (
	"crypto/hmac"
	"crypto/sha256"
)

// The handshake with digests is not in the specification; it came with Flash Player 9. C1
// and S1 contain an HMAC-SHA256 of the rest of the packet, at an offset computed from four
// of their bytes, in one of two halves; S2 ends with an HMAC of itself, keyed by an HMAC of
// C1's digest. Both keys are public.

const (
	playerKey = "Genuine Adobe Flash Player 001"
	serverKey = "Genuine Adobe Flash Media Server 001"
	// secretTail follows serverKey in the key of S2.
	secretTail = "\xf0\xee\xc2\x4a\x80\x68\xbe\xe8\x2e\x00\xd0\xd1\x02\x9e\x7e\x57" +
		"\x6e\xec\x5d\x2d\x29\x80\x6f\xab\x93\xb8\xe6\x36\xcf\xeb\x31\xae"

	digestSize = sha256.Size
	// halfSize is the size of each of the two halves after time and version.
	halfSize = (packetSize - 8) / 2
	// digestRange is the number of possible offsets of the digest in its half.
	digestRange = halfSize - 4 - digestSize
)

// serverVersion returns the version bytes of S1.
func serverVersion() []byte { return []byte{4, 5, 0, 1} }

// digestAt returns the offset of the digest in the half that begins at base.
func digestAt(packet []byte, base int) int {
	sum := 0
	for _, b := range packet[base : base+4] {
		sum += int(b)
	}
	return base + 4 + sum%digestRange
}

// digest returns the HMAC of the packet without the digestSize bytes at i.
func digest(packet []byte, i int, key string) []byte {
	h := hmac.New(sha256.New, []byte(key))
	h.Write(packet[:i])
	h.Write(packet[i+digestSize:])
	return h.Sum(nil)
}

// clientDigest returns the digest in C1 and the offset of its half, or nil if C1 has no
// digest.
func clientDigest(c1 []byte) (sum []byte, base int) {
	for _, base := range []int{8 + halfSize, 8} {
		i := digestAt(c1, base)
		sum := digest(c1, i, playerKey)
		if hmac.Equal(sum, c1[i:i+digestSize]) {
			return sum, base
		}
	}
	return nil, 0
}

// signS1 puts the digest into S1, in the half at base, where the client expects it.
func signS1(s1 []byte, base int) {
	i := digestAt(s1, base)
	copy(s1[i:], digest(s1, i, serverKey))
}

// signS2 puts the HMAC for C1's digest at the end of S2.
func signS2(s2, clientDigest []byte) {
	mac := func(key, data []byte) []byte {
		h := hmac.New(sha256.New, key)
		h.Write(data)
		return h.Sum(nil)
	}
	end := packetSize - digestSize
	copy(s2[end:], mac(mac([]byte(serverKey+secretTail), clientDigest), s2[:end]))
}
