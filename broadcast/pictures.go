package broadcast

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"golive/archive"
	"golive/ingest"
	"golive/media"
	"golive/pictures"
	"golive/playlist"
	"golive/segmenter"
	"golive/storage"
)

// livePictures holds the poster and the previews of a broadcast.
type livePictures struct {
	feed  *pictures.Feed       // nil if no pictures are made
	board *pictures.Storyboard // nil if no replay is kept
	log   *slog.Logger
	// poster is nil before the first picture.
	poster atomic.Pointer[playlist.Text]
	// sheets is the number of sheets of the storyboard that is stored with the replay.
	sheets atomic.Int64
}

func newLivePictures(b *Broadcast) *livePictures {
	i := &livePictures{log: b.log}
	maker := b.cfg.Pictures
	if maker == nil {
		return i
	}
	if b.stores.Bucket != nil && b.cfg.Retention.Replay > 0 {
		i.board = pictures.NewStoryboard(b.made)
	}
	i.feed = maker.NewFeed(i.take, b.log)
	return i
}

// take keeps a picture. It is called by a worker of the Maker.
func (i *livePictures) take(p pictures.Picture) {
	i.poster.Store(playlist.NewText(p.Poster))
	if i.board == nil {
		return
	}
	if archived, _ := media.MPEGTS.Carried(p.Track, nil); archived == nil {
		return
	}
	if err := i.board.Add(p, time.Now()); err != nil {
		i.log.Warn("preview not kept", "err", err)
	}
}

// end stops the making of pictures.
func (i *livePictures) end() {
	if i.feed != nil {
		i.feed.Close()
	}
}

// pictureTap is the Packaging of the source that passes the first key picture of a segment to a
// Feed, when one is due.
type pictureTap struct {
	feed *pictures.Feed // nil if no pictures are made
	head media.Segment
	seen bool // the segment's first picture was seen
}

// Open implements segmenter.Packaging.
func (t *pictureTap) Open(head media.Segment) { t.head, t.seen = head, t.feed == nil }

// Part implements segmenter.Packaging.
func (t *pictureTap) Part(c *segmenter.Cut) {
	if t.seen || c.Video == nil {
		return
	}
	for i := range c.Units {
		u := &c.Units[i]
		if !u.Track.Video() {
			continue
		}
		t.seen = true
		if u.Key && u.Access != media.AccessGradual && t.feed.Due(u.Arrived) {
			t.feed.Offer(*u, pictures.Place{MSN: t.head.MSN, Offset: max(0, u.DTS-t.head.Start)}, u.Arrived)
		}
		return
	}
}

// Close implements segmenter.Packaging.
func (*pictureTap) Close() {}

// Drop implements segmenter.Packaging.
func (*pictureTap) Drop() {}

// storedPictures is what the bucket has of a broadcast's pictures. It belongs to the index.
type storedPictures struct {
	index  pictures.Index
	poster *playlist.Text // the newest one that was put
	putAt  time.Time
}

const (
	// posterEvery is the least time between two puts of a poster.
	posterEvery = 30 * time.Second
	// maxSheetIndex and maxPicture bound what is read back, in bytes.
	maxSheetIndex = 4 << 20
	maxPicture    = 4 << 20
)

// beginPictures reads what an earlier run stored.
func (x *index) beginPictures(ctx context.Context, f *archive.Recovered) error {
	i, layout, bucket := x.b.pictures, x.b.cfg.layout(), x.b.stores.Bucket
	if i.feed == nil {
		return nil
	}
	poster, err := storage.ReadText(ctx, bucket, layout.Poster(f.Broadcast), maxPicture)
	switch {
	case err == nil:
		if text := playlist.NewText(poster); i.poster.CompareAndSwap(nil, text) {
			x.pictures.poster = text
		}
	case !errors.Is(err, storage.ErrNotExist):
		return err
	}
	if i.board == nil {
		return nil
	}
	text, err := storage.ReadText(ctx, bucket, layout.SheetIndex(f.Broadcast, f.Token), maxSheetIndex)
	if errors.Is(err, storage.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if x.pictures.index, err = pictures.ParseIndex(text); err != nil {
		x.b.log.Warn("storyboard is damaged: a new one is begun", "err", err)
	}
	return nil
}

// posters returns the poster if there is a new one and its turn has come. last is true at the
// end.
func (x *index) posters(now time.Time, last bool) []storage.Object {
	poster := x.b.pictures.poster.Load()
	if poster == nil || poster == x.pictures.poster || !last && now.Sub(x.pictures.putAt) < posterEvery {
		return nil
	}
	x.pictures.poster, x.pictures.putAt = poster, now
	return []storage.Object{{
		Key: x.b.cfg.layout().Poster(x.b.id), Slabs: [][]byte{poster.Plain},
		ContentType: jpegType, CacheControl: posterMaxAge, Volatile: !last, Expendable: true,
	}}
}

const (
	jpegType     = "image/jpeg"
	posterMaxAge = "public, max-age=10"
	sheetMaxAge  = "public, max-age=31536000, immutable"
)

// sheets returns the finished sheets and their index. rest is true at the end, and includes the
// unfinished sheet.
func (x *index) sheets(rest bool) (objects []storage.Object) {
	board := x.b.pictures.board
	if board == nil || !rest && x.up.Permission() >= archive.MayStore { // what is put is dropped
		return nil
	}
	sheets, err := board.Take(rest)
	if err != nil {
		x.b.log.Warn("storyboard is not complete", "err", err)
	}
	m, layout := x.b.meta.Load(), x.b.cfg.layout()
	for i := range sheets {
		x.pictures.index.Add(&sheets[i])
		objects = append(objects, storage.Object{
			Key: layout.Picture(m.Broadcast, archive.SheetName(m.Token, sheets[i].Number)), Slabs: [][]byte{sheets[i].JPEG},
			ContentType: jpegType, CacheControl: sheetMaxAge, Expendable: true,
		})
	}
	if len(objects) > 0 {
		objects = append(objects, storage.Object{
			Key: layout.SheetIndex(m.Broadcast, m.Token), Slabs: [][]byte{x.pictures.index.JSON()},
			ContentType: "application/json", CacheControl: "no-store", Expendable: true,
		})
	}
	return objects
}

// trimSheets deletes the sheets whose segments are all before number from, the replay's first.
func (x *index) trimSheets(from int64, now time.Time) {
	m, layout := x.b.meta.Load(), x.b.cfg.layout()
	for _, n := range x.pictures.index.Trim(from) {
		x.up.Expire(layout.Picture(m.Broadcast, archive.SheetName(m.Token, n)), now)
	}
}

// storyboard returns the last sheets, and the WebVTT file that names all sheets.
func (x *index) storyboard(replay *playlist.Replay) []storage.Object {
	objects := x.sheets(true)
	if replay == nil || len(x.pictures.index.Sheets) == 0 {
		return objects
	}
	m := x.b.meta.Load()
	starts, end := replay.Starts()
	start := func(msn int64) (media.Ticks, bool) {
		at, ok := starts[msn]
		return at, ok
	}
	text := x.pictures.index.VTT(func(n int) string { return archive.SheetName(m.Token, n) }, start, end)
	x.b.pictures.sheets.Store(int64(x.pictures.index.Next))
	return append(objects, storage.Object{
		Key: x.b.cfg.layout().Picture(m.Broadcast, archive.StoryboardName(m.Token)), Slabs: [][]byte{text},
		ContentType: "text/vtt", CacheControl: sheetMaxAge,
	})
}

// endPictures returns the last pictures, and notes in the manifest which ones exist.
func (x *index) endPictures(displaced bool) (objects []storage.Object) {
	if !displaced {
		objects = x.posters(time.Now(), true)
	}
	if l := x.lists[SourceRendition]; l != nil {
		objects = append(objects, x.storyboard(l.replay)...)
	}
	x.up.SetPictures(archive.Pictures{
		Poster: !displaced && x.pictures.poster != nil,
		Sheets: int(x.b.pictures.sheets.Load()),
	})
	return objects
}

// Picture returns a poster, a storyboard or a sheet of previews by its file name. The error wraps
// playlist.ErrNotFound or storage.ErrNotExist when there is none.
func (h *Hub) Picture(ctx context.Context, id, name string) (*playlist.Text, error) {
	p, ok := archive.ParsePictureName(name)
	if !ok || ingest.CheckID(id) != nil {
		return nil, playlist.ErrNotFound
	}
	if b, ok := h.Find(id); ok && p.Token == "" {
		if text := b.pictures.poster.Load(); text != nil || b.State() != Ended {
			return orNotFound(text)
		}
	}
	if h.replays == nil {
		return nil, storage.ErrNotExist
	}
	return h.replays.picture(ctx, id, name, p)
}

func orNotFound(text *playlist.Text) (*playlist.Text, error) {
	if text == nil {
		return nil, playlist.ErrNotFound
	}
	return text, nil
}

// picture returns a picture of a broadcast that has ended. Pictures that its manifest does not
// list are refused without a read.
func (r *replays) picture(ctx context.Context, id, name string, p archive.PictureName) (*playlist.Text, error) {
	header, err := r.endedWith(ctx, id, p.Token)
	if err != nil {
		return nil, err
	}
	if !header.Has(p) {
		return nil, storage.ErrNotExist
	}
	return r.read(ctx, r.layout.Picture(id, name), maxPicture)
}

// endedWith returns the broadcast of the id with that token or, without one, the one that ended
// last.
func (r *replays) endedWith(ctx context.Context, id, token string) (archive.Header, error) {
	if token == "" {
		return r.newest(ctx, id)
	}
	all, err := r.find(ctx, id)
	if err != nil {
		return archive.Header{}, err
	}
	for _, n := range all {
		if n.Token == token && !n.Due.IsZero() {
			return r.header(ctx, n)
		}
	}
	return archive.Header{}, fmt.Errorf("storyboard of %s: %w", token, storage.ErrNotExist)
}

// posterName returns the name of the broadcast's poster with its version, as a relative address;
// empty when there is none.
func (b *Broadcast) posterName() string {
	text := b.pictures.poster.Load()
	if text == nil {
		return ""
	}
	tag := text.Form().ETag[0]
	return archive.PosterName + "?v=" + tag[1:len(tag)-1]
}

// storyboardName returns the file name of a storyboard; empty when there is none.
func storyboardName(token string, sheets int) string {
	if sheets == 0 {
		return ""
	}
	return archive.StoryboardName(token)
}
