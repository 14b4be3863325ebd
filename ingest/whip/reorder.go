package whip

import (
	"time"

	"github.com/pion/rtp"
)

// reorderSlots is the number of packets that a reorderer holds at most: a quarter of a second of
// 40 Mbit/s.
const reorderSlots = 1024

// arrival is a packet and when it was received.
type arrival struct {
	*rtp.Packet

	at time.Time
}

// reorderer puts the packets of one track in the order of their sequence numbers. It waits for a
// missing one, which may be on its way or sent again, but not for long.
type reorderer struct {
	// wait is how long later packets are held back for a missing one.
	wait time.Duration

	begun bool
	next  uint16 // the sequence number that is to be delivered next
	held  [reorderSlots]*arrival
	count int       // of held
	since time.Time // when next was found missing, if count > 0
}

// push takes a packet. One that was delivered, or given up, is ignored.
func (r *reorderer) push(p arrival) {
	if !r.begun {
		r.begun, r.next = true, p.SequenceNumber
	}
	distance := int(int16(p.SequenceNumber - r.next))
	switch {
	case distance >= reorderSlots || distance < -reorderSlots:
		// The sender has begun with other numbers, or much is lost: continue from here.
		r.held, r.count = [reorderSlots]*arrival{}, 0
		r.next = p.SequenceNumber - 1 // so that pop reports a loss
	case distance < 0:
		return
	}
	slot := &r.held[p.SequenceNumber%reorderSlots]
	if *slot != nil {
		return
	}
	if r.count == 0 {
		r.since = p.at
	}
	*slot = &p
	r.count++
}

// pop returns the next packet; ok is false if there is none now. lost is set if packets before it
// are missing.
func (r *reorderer) pop(now time.Time) (p arrival, lost, ok bool) {
	if r.count == 0 {
		return p, false, false
	}
	for r.held[r.next%reorderSlots] == nil {
		if now.Sub(r.since) < r.wait {
			return p, false, false
		}
		lost = true
		r.next++
	}
	slot := &r.held[r.next%reorderSlots]
	p = **slot
	*slot = nil
	r.next++
	if r.count--; r.count > 0 {
		r.since = now
	}
	return p, lost, true
}
