package chunk

// stream is the state of one chunk stream: the last header, which the next one
// may leave out, and the message that is being put together.
type stream struct {
	id uint32

	kind      uint8  // message type
	length    int    // message length
	messageID uint32 // message stream id
	timestamp uint32 // of the message in progress, or else the last one
	delta     uint32 // what a type 3 chunk that begins a message adds

	extended bool   // the last header of type 0, 1 or 2 had an extended timestamp
	extValue uint32 // and this was it

	missing int    // bytes of the message that have not come
	body    []byte // the bytes that have
}

// finish hands the complete message over.
func (s *stream) finish() Message {
	m := Message{Type: s.kind, ChunkStream: s.id, Stream: s.messageID, Timestamp: s.timestamp, Body: s.body}
	s.body = nil
	return m
}

// table finds chunk streams by id: at once below 64, the ids with a short header
// that encoders use; one by one above.
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

// busy says whether a message is unfinished.
func (t *table) busy() bool {
	for _, s := range t.all {
		if s.missing > 0 {
			return true
		}
	}
	return false
}

// The first memory that a message gets. Up to it, a body is allocated once at
// its exact size; a larger one doubles as bytes arrive, so that a header which
// promises 16 MiB costs its sender as much as us.
const firstGrant = 256 << 10

// room makes sure that the body of s has a free byte.
func (r *Reader) room(s *stream) error {
	have := cap(s.body)
	if len(s.body) < have {
		return nil
	}
	size := s.length
	if grant := max(firstGrant, 2*have); size > grant {
		size = grant
	}
	if r.held+size-have > 2*r.limits.MessageSize {
		return r.fail("more than %d bytes of unfinished messages", 2*r.limits.MessageSize)
	}
	if err := r.hold(size - have); err != nil {
		return err
	}
	body := make([]byte, len(s.body), size)
	copy(body, s.body)
	s.body = body
	return nil
}

// hold counts n bytes more that unfinished messages hold.
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

// release counts n bytes less.
func (r *Reader) release(n int) {
	r.held -= n
	if less := r.charged - max(0, r.held-freeMemory); less > 0 {
		r.limits.Memory.Shrink(less)
		r.charged -= less
	}
}
