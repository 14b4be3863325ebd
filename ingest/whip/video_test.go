package whip

import (
	"encoding/base64"
	"errors"
	"math/rand/v2"
	"testing"
	"testing/quick"
	"time"

	"github.com/pion/rtp"

	"golive/ingest"
	"golive/media"
)

func TestVideo_FindsParameterSetsWhereverTheyAre(t *testing.T) {
	all, sps, pps := pictures(t)
	encode := base64.StdEncoding.EncodeToString
	for name, c := range map[string]struct {
		fmtp string
		sets func(p *packetizer, at uint32) []*rtp.Packet // before each key frame
	}{
		"in separate packets": {usualFmtp, func(p *packetizer, at uint32) []*rtp.Packet {
			return []*rtp.Packet{p.packet(sps, at), p.packet(pps, at)}
		}},
		"in separate packets with a marker and an older time": {usualFmtp, func(p *packetizer, at uint32) []*rtp.Packet {
			a, b := p.packet(sps, at-1), p.packet(pps, at-1)
			b.Marker = true
			return []*rtp.Packet{a, b}
		}},
		"in an aggregation packet": {usualFmtp, func(p *packetizer, at uint32) []*rtp.Packet {
			b := []byte{nalSTAPA, 0, byte(len(sps))}
			b = append(append(b, sps...), 0, byte(len(pps)))
			return []*rtp.Packet{p.packet(append(b, pps...), at)}
		}},
		"in the offer only": {usualFmtp + ";sprop-parameter-sets=" + encode(sps) + "," + encode(pps), nil},
		"with a profile of High in an offer of Baseline": {"packetization-mode=1;profile-level-id=42001f", func(p *packetizer, at uint32) []*rtp.Packet {
			return []*rtp.Packet{p.packet(sps, at), p.packet(pps, at)}
		}},
		"in an offer without parameters": {"", func(p *packetizer, at uint32) []*rtp.Packet {
			return []*rtp.Packet{p.packet(sps, at), p.packet(pps, at)}
		}},
		"in an offer of another level": {"packetization-mode=1;profile-level-id=640034", func(p *packetizer, at uint32) []*rtp.Packet {
			return []*rtp.Packet{p.packet(sps, at), p.packet(pps, at)}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := start(t, testConfig())
			client, sink := h.publish(t, codecH264(c.fmtp))
			var p packetizer
			for _, pic := range all[:5] {
				if pic.key && c.sets != nil {
					send(t, client.video, c.sets(&p, pic.at)...)
				}
				send(t, client.video, p.packets(pic)...)
			}
			var first media.AccessUnit
			for i := range 5 {
				u := sink.Unit(t)
				if i == 0 {
					first = u
				}
				if u.Track.Width != 640 || u.Key != (i == 0) || u.Track != first.Track {
					t.Errorf("unit %d: key %v of %+v", i, u.Key, u.Track)
				}
			}
		})
	}
}

// After a lost packet pictures are dropped until the key frame that was requested.
func TestVideo_RequestsAKeyFrameAfterALoss(t *testing.T) {
	h := start(t, testConfig())
	c, sink := h.publish(t, codecH264(usualFmtp))
	all, sps, pps := pictures(t)
	var p packetizer
	for _, pic := range all[:3] {
		var sets [][]byte
		if pic.key {
			sets = [][]byte{sps, pps}
		}
		send(t, c.video, p.packets(pic, sets...)...)
		sink.Unit(t)
	}
	for len(c.plis) > 0 {
		<-c.plis
	}
	p.sequence++ // this packet is lost
	at := all[3].at
	for i := 3; ; i++ {
		pic := all[3+i%3]
		pic.at = at
		at += 3000
		requested := len(c.plis) > 0 && i > 30
		if requested {
			pic = all[0]
			pic.at = at
		}
		var sets [][]byte
		if requested {
			sets = [][]byte{sps, pps}
		}
		send(t, c.video, p.packets(pic, sets...)...)
		if requested {
			break
		}
		if i > 3 {
			select {
			case <-c.plis:
				c.plis <- struct{}{}
			case <-time.After(10 * time.Millisecond):
			}
		}
	}
	if u := sink.Unit(t); !u.Key {
		t.Error("the first picture after the loss is no key frame")
	}
}

func TestVideo_RequestsKeyFramesRegularly(t *testing.T) {
	v := &video{clock: rtpClock{begun: true}}
	now := time.Now()
	v.lastKey = now
	for _, c := range []struct {
		keys  int
		after time.Duration
		want  bool
	}{
		{1, 500 * time.Millisecond, false}, {1, 600 * time.Millisecond, true}, // so that the first segment is short
		{2, 1900 * time.Millisecond, false}, {2, 2 * time.Second, true}, {2, 2100 * time.Millisecond, false}, {2, 2500 * time.Millisecond, true},
	} {
		v.keys = c.keys
		if got := v.needsKey(now.Add(c.after)); got != c.want {
			t.Errorf("after %v: key frame needed %v, want %v", c.after, got, c.want)
		}
	}
}

func packetOf(sequence uint16) *rtp.Packet {
	return &rtp.Packet{Header: rtp.Header{SequenceNumber: sequence}, Payload: []byte{1}}
}

// Packets leave in order, in whatever order they come, and even if some are repeated.
func TestReorderer_PutsPacketsInOrder(t *testing.T) {
	check := func(seed uint64, first uint16) bool {
		random := rand.New(rand.NewPCG(seed, 1))
		r := reorderer{wait: time.Second}
		now := time.Now()
		r.push(arrival{packetOf(first), now})
		order := random.Perm(200)
		var got []uint16
		drain := func() {
			for {
				p, lost, ok := r.pop(now)
				if !ok {
					return
				}
				if lost {
					t.Errorf("packet %d is reported as after a loss", p.SequenceNumber)
				}
				got = append(got, p.SequenceNumber)
			}
		}
		for _, i := range order {
			r.push(arrival{packetOf(first + 1 + uint16(i)), now})
			if random.IntN(2) == 0 {
				r.push(arrival{packetOf(first + 1 + uint16(i)), now})
			}
			drain()
		}
		for i, s := range got {
			if s != first+uint16(i) {
				return false
			}
		}
		return len(got) == 201 && r.count == 0
	}
	if err := quick.Check(check, &quick.Config{MaxCount: 50}); err != nil {
		t.Error(err)
	}
}

func TestReorderer_WaitsForAMissingPacketUntilItsTimeout(t *testing.T) {
	r := reorderer{wait: 100 * time.Millisecond}
	now := time.Now()
	for _, s := range []uint16{65534, 65535, 1, 2, 4} {
		r.push(arrival{packetOf(s), now})
	}
	next := func(after time.Duration) (sequence int, lost bool) {
		p, lost, ok := r.pop(now.Add(after))
		if !ok {
			return -1, lost
		}
		return int(p.SequenceNumber), lost
	}
	for i, c := range []struct {
		after time.Duration
		want  int
		lost  bool
	}{
		{0, 65534, false},
		{0, 65535, false},
		{99 * time.Millisecond, -1, false},
		{100 * time.Millisecond, 1, true},
		{100 * time.Millisecond, 2, false},
		{150 * time.Millisecond, -1, false},
		{200 * time.Millisecond, 4, true},
		{300 * time.Millisecond, -1, false},
	} {
		if got, lost := next(c.after); got != c.want || lost != c.lost {
			t.Errorf("step %d: packet %d, lost %v; want %d, %v", i, got, lost, c.want, c.lost)
		}
	}
	r.push(arrival{packetOf(3), now}) // too late
	r.push(arrival{packetOf(30_000), now})
	if got, lost := next(time.Minute); got != 30_000 || !lost {
		t.Errorf("after a jump: packet %d, lost %v; want 30000, true", got, lost)
	}
}

func FuzzAssembler(f *testing.F) {
	f.Add([]byte{nalSTAPA, 0, 2, 0x67, 1, 0, 1, 0x68}, true)
	f.Add([]byte{nalFUA, 0x85, 1, 2, 3}, false)
	f.Add([]byte{nalFUA, 0x45, 4}, true)
	f.Add([]byte{0x65, 1, 2}, false)
	f.Fuzz(func(t *testing.T, b []byte, marker bool) {
		const limit = 4096
		a := assembler{limit: limit, memory: ingest.NewMessageMemory(1 << 30).Share(func(error) {})}
		for i := range 5 {
			p := &rtp.Packet{Header: rtp.Header{Timestamp: uint32(i / 2), Marker: marker && i%2 == 1}, Payload: b}
			_ = a.add(arrival{Packet: p}, i == 3, func(done assembly) error {
				if len(done.body) > limit+tagHeader+5 {
					t.Errorf("a picture of %d bytes, want %d at most", len(done.body), limit+tagHeader+5)
				}
				if done.damaged {
					return nil
				}
				at := tagHeader
				for at < len(done.body) {
					at += 4 + int(done.body[at])<<24 + int(done.body[at+1])<<16 + int(done.body[at+2])<<8 + int(done.body[at+3])
				}
				if at != len(done.body) {
					t.Errorf("the lengths add up to %d, want %d of % x", at, len(done.body), done.body)
				}
				return nil
			})
		}
	})
}

func TestAssembler_BoundsUnfinishedPictures(t *testing.T) {
	memory := ingest.NewMessageMemory(1 << 20)
	a := assembler{limit: 16 << 20, memory: memory.Share(func(error) {})}
	none := func(assembly) error { return nil }
	var err error
	for i := 0; i < 3000 && err == nil; i++ {
		payload := make([]byte, 1200)
		payload[0], payload[1] = nalFUA, 5
		if i == 0 {
			payload[1] |= 0x80
		}
		err = a.add(arrival{Packet: &rtp.Packet{Payload: payload}}, false, none)
	}
	if limit, ok := errors.AsType[*ingest.LimitError](err); !ok || limit.Limit != ingest.LimitMessageMemory {
		t.Errorf("error %v, want the limit of message memory", err)
	}
	if err := a.flush(none); err != nil || memory.Held() != 0 {
		t.Errorf("%d bytes are held after the flush, want 0: %v", memory.Held(), err)
	}
}
