package origin

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	"golive/media"
	"golive/playlist"
	"golive/storage"
)

const (
	// pieceSize is how much of a stored segment is sent at once, and held in memory until
	// the viewer has taken it; smallPiece when more than manyStored are sent.
	pieceSize  = 256 << 10
	smallPiece = 32 << 10
	manyStored = 256
)

// stored is a segment that is not in memory.
type stored interface {
	// sizeOf returns its length, which fails if it is not there.
	sizeOf(ctx context.Context, remote string) (int64, error)
	// read returns bytes from offset on: at least one and most at the most, of those up
	// to end that will be read. They are valid until the next call.
	read(ctx context.Context, remote string, offset, most, end int64) ([][]byte, error)
}

// sendStored sends a segment or part that has left memory.
func (h *Handler) sendStored(w http.ResponseWriter, r *http.Request, m playlist.Media, f resource) (sent, error) {
	if m.Local != nil {
		local := &file{open: m.Local, reads: h.reads}
		defer local.close()
		out, err := h.send(w, r, local, m, f)
		if m.Remote == nil || !errors.Is(err, storage.ErrNotExist) {
			return out, err
		}
	}
	if m.Remote == nil {
		return sent{}, playlist.ErrNotFound
	}
	o, leave := h.cache.join(r.Context(), f.id+"/"+f.rendition+"/"+m.Object, m.Remote)
	defer leave()
	return h.send(w, r, o, m, f)
}

// send sends m from what is stored.
func (h *Handler) send(w http.ResponseWriter, r *http.Request, s stored, m playlist.Media, f resource) (sent, error) {
	if m.Size == media.UnknownSize || r.Method == http.MethodHead {
		size, err := s.sizeOf(r.Context(), r.RemoteAddr)
		if err != nil {
			return sent{}, err
		}
		if m.Size == media.UnknownSize {
			m.Size = size
		}
	}
	from, length, status, err := segmentHeader(w, r, f.name, m.Size, f.keepFor(cacheForever))
	if err != nil || status == http.StatusNotModified {
		return sent{status: status}, err
	}
	out := sent{status: status}
	if r.Method == http.MethodHead || length == 0 {
		w.WriteHeader(status)
		return out, nil
	}
	most := int64(pieceSize)
	if h.sending.Add(1) > manyStored {
		most = smallPiece
	}
	defer h.sending.Add(-1)
	offset, end := m.Offset+from, m.Offset+from+length
	for begun := false; offset < end; begun = true {
		pieces, err := s.read(r.Context(), r.RemoteAddr, offset, min(most, end-offset), end)
		if err == nil && len(pieces) == 0 {
			err = io.ErrUnexpectedEOF
		}
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
		n, err := writePieces(w, pieces)
		offset += n
		if out.bytes += n; err != nil {
			return out, fmt.Errorf("%w: %w", errWritten, err)
		}
	}
	return out, nil
}

// file is a segment on this machine's disk. It is open while it is read, and not while the
// viewer takes what was read: to open it again costs little.
type file struct {
	open  playlist.Opener
	reads *ReadLimiter

	buffer []byte
	body   io.ReadCloser // from the beginning; nil while it is closed
	size   int64
	end    func() // of reads
}

// sizeOf implements stored.
func (f *file) sizeOf(ctx context.Context, remote string) (int64, error) {
	err := f.openAt(ctx, remote, 0, -1)
	return f.size, err
}

// read implements stored.
func (f *file) read(ctx context.Context, remote string, offset, most, end int64) ([][]byte, error) {
	if f.body == nil || offset > 0 {
		f.close()
		if err := f.openAt(ctx, remote, offset, min(most, end-offset)); err != nil {
			return nil, err
		}
	}
	defer f.close()
	if int64(cap(f.buffer)) < most {
		f.buffer = make([]byte, most)
	}
	b := f.buffer[:most]
	if _, err := io.ReadFull(f.body, b); err != nil {
		return nil, fmt.Errorf("read file: %w", err)
	}
	return [][]byte{b}, nil
}

func (f *file) openAt(ctx context.Context, remote string, offset, length int64) error {
	end, err := f.reads.Begin(ctx, remote)
	if err != nil {
		return err
	}
	if f.body, f.size, err = f.open(ctx, offset, length); err != nil {
		f.body = nil
		end()
		return err
	}
	f.end = end
	return nil
}

func (f *file) close() {
	if f.body == nil {
		return
	}
	_ = f.body.Close() // all that was wanted was read, or the response has failed already
	f.end()
	f.body = nil
}
