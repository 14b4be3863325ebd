package origin

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"sync"
	"time"

	"golive/media"
	"golive/playlist"
	"golive/storage"
)

const (
	// pieceSize is how much of a stored segment is read at once, and then held in memory
	// until the viewer has taken it; smallPiece when more than manyStored are sent.
	pieceSize  = 256 << 10
	smallPiece = 32 << 10
	manyStored = 256
	// stall is how long a connection to a store is kept for a viewer that takes
	// nothing. A request for the rest costs more than it does.
	stall = 2 * time.Second
)

// opener opens length bytes from offset of a stored segment.
type opener func(ctx context.Context, id, rendition, name string, offset, length int64) (*storage.Reader, error)

// stored sends a segment or part that has left memory.
func (h *Handler) stored(w http.ResponseWriter, r *http.Request, m playlist.Media, id, rendition, name string, open opener) (sent, error) {
	s := &source{reads: h.reads, remote: r.RemoteAddr, open: func(offset, length int64) (*storage.Reader, error) { //nolint:contextcheck // it is the request's
		return open(r.Context(), id, rendition, m.Object, offset, length)
	}}
	defer s.close()
	if m.Size == media.UnknownSize {
		if err := s.seek(r.Context(), 0, -1); err != nil {
			return sent{}, err
		}
		m.Size = s.size()
	}
	from, length, status, err := segmentHeader(w, r, name, m.Size)
	if err != nil || status == http.StatusNotModified {
		return sent{status: status}, err
	}
	if r.Method == http.MethodHead && s.object != nil {
		w.WriteHeader(status)
		return sent{status: status}, nil
	}
	if err := s.seek(r.Context(), m.Offset+from, length); err != nil {
		clearHeader(w)
		return sent{}, err
	}
	if r.Method == http.MethodHead {
		w.WriteHeader(status)
		return sent{status: status}, nil
	}
	size := int64(pieceSize)
	if h.sending.Add(1) > manyStored {
		size = smallPiece
	}
	defer h.sending.Add(-1)
	piece := make([]byte, min(size, length))
	out := sent{status: status}
	if length == 0 {
		w.WriteHeader(status)
	}
	for begun := false; length > 0; begun = true {
		n, err := s.read(r.Context(), piece[:min(int64(len(piece)), length)])
		if err != nil && !begun {
			clearHeader(w)
			return sent{}, err
		}
		if err != nil {
			return out, fmt.Errorf("%w: %w", errWritten, err)
		}
		if !begun {
			w.WriteHeader(status)
		}
		length -= int64(n)
		n, err = s.whileOpen(func() (int, error) { return w.Write(piece[:n]) })
		if out.bytes += int64(n); err != nil {
			return out, fmt.Errorf("%w: %w", errWritten, err)
		}
	}
	return out, nil
}

// source is what a response reads from storage. It holds no file while the viewer
// takes what was read, and no connection to a store that takes nothing.
type source struct {
	open   func(offset, length int64) (*storage.Reader, error)
	reads  *Reads
	remote string // of the viewer

	at, left int64 // what is still to be read; left is -1 before the length is known

	mu      sync.Mutex
	object  *storage.Reader // nil while it is closed
	end     func()          // of reads
	writing bool            // so that the object may be closed by the clock
}

// seek stands at offset, to read length bytes, and has the object open: a reading that
// stands there already goes on.
func (s *source) seek(ctx context.Context, offset, length int64) error {
	if s.object != nil && (s.at != offset || s.left >= 0 && s.left != length || s.left < 0 && s.object.Size != length) {
		s.close()
	}
	s.at, s.left = offset, length
	return s.opened(ctx)
}

// size is that of the whole object, which must be open.
func (s *source) size() int64 { return s.object.Size }

// opened opens the rest of the object if it is not open.
func (s *source) opened(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.object != nil {
		return nil
	}
	end, err := s.reads.Begin(ctx, s.remote)
	if err != nil {
		return err
	}
	object, err := s.open(s.at, s.left)
	if err != nil {
		end()
		return err
	}
	s.object, s.end = object, end
	return nil
}

// read fills p.
func (s *source) read(ctx context.Context, p []byte) (int, error) {
	if err := s.opened(ctx); err != nil {
		return 0, err
	}
	n, err := io.ReadFull(s.object.Body, p)
	s.at, s.left = s.at+int64(n), s.left-int64(n)
	if s.left == 0 || s.isFile() {
		s.close()
	}
	return n, err
}

// isFile reports whether it costs nothing to open the object again.
func (s *source) isFile() bool {
	limited, ok := s.object.Body.(*io.LimitedReader)
	if !ok {
		return false
	}
	_, ok = limited.R.(*os.File)
	return ok
}

// whileOpen runs write, and closes the object when that takes too long.
func (s *source) whileOpen(write func() (int, error)) (int, error) {
	if s.object == nil {
		return write()
	}
	s.setWriting(true)
	defer s.setWriting(false)
	defer time.AfterFunc(stall, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.writing {
			s.closeLocked()
		}
	}).Stop()
	return write()
}

func (s *source) setWriting(on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.writing = on
}

// close lets go of the object; it may be opened again.
func (s *source) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closeLocked()
}

func (s *source) closeLocked() {
	if s.object == nil {
		return
	}
	_ = s.object.Close() // all that was wanted was read, or the response has failed already
	s.end()
	s.object = nil
}
