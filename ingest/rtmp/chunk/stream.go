package chunk

// stream is the state of one chunk stream: the fields of the last header, which the next
// one may omit, and the message in progress.
type stream struct {
	id uint32

	kind      uint8  // message type
	length    int    // message length
	messageID uint32 // message stream id
	timestamp uint32 // of the message in progress, or else the last one
	delta     uint32 // added by a type 3 chunk that begins a message

	extended bool   // the last header of type 0, 1 or 2 had an extended timestamp
	extValue uint32 // its value

	missing int    // bytes of the message that are not received yet
	body    []byte // the bytes that are
}

// finish returns the complete message.
func (s *stream) finish() Message {
	m := Message{Type: s.kind, ChunkStream: s.id, Stream: s.messageID, Timestamp: s.timestamp, Body: s.body}
	s.body = nil
	return m
}

// table finds chunk streams by id: by index below 64, the ids with a short header that
// encoders use; by a linear search above.
type table struct {
	short [64]*stream
	all   []*stream
}

func (t *table) find(id uint32) *stream {
	if id < uint32(len(t.short)) {
		return t.short[id]
	}
	for _, s := range t.all {
		if s.id == id {
			return s
		}
	}
	return nil
}

func (t *table) add(id uint32) *stream {
	s := &stream{id: id}
	t.all = append(t.all, s)
	if id < uint32(len(t.short)) {
		t.short[id] = s
	}
	return s
}

// unfinished reports whether a message is incomplete.
func (t *table) unfinished() bool {
	for _, s := range t.all {
		if s.missing > 0 {
			return true
		}
	}
	return false
}

// firstAllocation is the first allocation of a message. Up to it, a body is allocated once at
// its exact size; a larger one doubles as bytes arrive, so that a header that announces
// 16 MiB does not cost the server more than its sender.
const firstAllocation = 256 << 10

// grow grows the body of s if it has no free byte.
func (r *Reader) grow(s *stream) error {
	have := cap(s.body)
	if len(s.body) < have {
		return nil
	}
	size := s.length
	if grant := max(firstAllocation, 2*have); size > grant {
		size = grant
	}
	if r.held+size-have > 2*r.limits.MessageSize {
		return r.fail("more than %d bytes of incomplete messages", 2*r.limits.MessageSize)
	}
	if err := r.hold(size - have); err != nil {
		return err
	}
	body := make([]byte, len(s.body), size)
	copy(body, s.body)
	s.body = body
	return nil
}

// hold adds n bytes to the memory of incomplete messages.
func (r *Reader) hold(n int) error {
	r.held += n
	if more := r.held - freeMemory - r.charged; more > 0 && r.limits.Memory != nil {
		if err := r.limits.Memory.Grow(more); err != nil {
			return err
		}
		r.charged += more
	}
	return nil
}

// release subtracts n bytes.
func (r *Reader) release(n int) {
	r.held -= n
	if less := r.charged - max(0, r.held-freeMemory); less > 0 {
		r.limits.Memory.Shrink(less)
		r.charged -= less
	}
}
