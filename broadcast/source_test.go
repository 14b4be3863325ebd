package broadcast

import (
	"bytes"
	"context"
	"errors"
	"strings"

	"golive/playlist"
	"golive/storage"
)

// Window returns the MPEG-TS window of a rendition, and false if there is none.
func (s *testHub) Window(id, rendition string) (*playlist.Window, bool) {
	b, ok := s.Find(id)
	if !ok {
		return nil, false
	}
	w := b.Window(rendition, playlist.PlainName)
	return w, w != nil
}

// Multivariant returns a broadcast's multivariant playlist, and false if there is none.
func (s *testHub) Multivariant(id string) (*playlist.Text, bool) {
	r, err := s.Playlist(s.t.Context(), id, "", "index.m3u8", playlist.Directives{})
	return r.Text, err == nil
}

// Replay returns the playlist of a broadcast that has ended.
func (s *testHub) Replay(ctx context.Context, id, name string) (*playlist.Text, error) {
	rendition, file, ok := strings.Cut(name, "/")
	if !ok {
		rendition, file = "", name
	}
	r, err := s.Playlist(ctx, id, rendition, file, playlist.Directives{})
	return r.Text, err
}

// Open opens a segment in memory, on the local disk or in the bucket.
func (s *testHub) Open(ctx context.Context, id, rendition, name string, offset, length int64) (*storage.Reader, error) {
	m, err := s.Media(ctx, id, rendition, name)
	if err != nil {
		return nil, err
	}
	if m.Slabs != nil {
		data := bytes.Join(m.Slabs, nil)
		if length < 0 {
			length = m.Size - offset
		}
		return &storage.Reader{
			Info: storage.Info{Size: m.Size}, Body: bytes.NewReader(data[offset : offset+length]), Close: func() error { return nil },
		}, nil
	}
	open := func(o playlist.Opener) (*storage.Reader, error) {
		if o == nil {
			return nil, storage.ErrNotExist
		}
		body, size, err := o(ctx, offset, length)
		if err != nil {
			return nil, err
		}
		return &storage.Reader{Info: storage.Info{Size: size}, Body: body, Close: body.Close}, nil
	}
	r, err := open(m.Local)
	if errors.Is(err, storage.ErrNotExist) {
		r, err = open(m.Remote)
	}
	return r, err
}
