package http1

import (
	"net"
	"sync"
	"sync/atomic"
)

const (
	// gatherRecords is how many bytes of TLS records are gathered for one call of the
	// system. A record has 16 kB at the most.
	gatherRecords = 64 << 10
	// maxGathering is how many connections may gather at once: one whose client does
	// not read holds its buffer until it is disconnected.
	maxGathering = 256
)

// recordBuffers holds the buffers in which the connections of a Listener gather TLS records.
type recordBuffers struct {
	pool *sync.Pool
	lent atomic.Int32
}

// records is the connection below TLS. It gathers the records of a long body.
type records struct {
	net.Conn
	buffers *recordBuffers

	buffer *[]byte // borrowed while it gathers
	held   []byte
}

// Write implements net.Conn.
func (r *records) Write(p []byte) (int, error) {
	if r.buffer == nil {
		return r.Conn.Write(p)
	}
	if len(r.held)+len(p) > cap(r.held) {
		if err := r.flush(); err != nil {
			return 0, err
		}
	}
	if len(p) > cap(r.held) {
		return r.Conn.Write(p)
	}
	r.held = append(r.held, p...)
	return len(p), nil
}

// begin begins to gather, if there is a buffer for it.
func (r *records) begin() {
	if r.buffers.lent.Add(1) > maxGathering {
		r.buffers.lent.Add(-1)
		return
	}
	r.buffer, _ = r.buffers.pool.Get().(*[]byte)
	r.held = (*r.buffer)[:0]
}

// end writes what is gathered.
func (r *records) end() error {
	if r.buffer == nil {
		return nil
	}
	err := r.flush()
	r.buffers.pool.Put(r.buffer)
	r.buffers.lent.Add(-1)
	r.buffer, r.held = nil, nil
	return err
}

func (r *records) flush() error {
	if len(r.held) == 0 {
		return nil
	}
	_, err := r.Conn.Write(r.held)
	r.held = r.held[:0]
	return err
}

// NetConn returns the connection itself.
func (r *records) NetConn() net.Conn { return r.Conn }
