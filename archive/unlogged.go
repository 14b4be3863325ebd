package archive

import "slices"

// unlogged is a segment that the bucket has and whose record it does not have yet: the page
// with the record is put later, with others. Until then the local log must not call the
// segment stored. After a kill nobody would ever put the record.
type unlogged struct {
	item   *Item
	reason string // why the segment is lost, empty when it is not
	page   string // the key of the page with the record
	end    int64  // where the record ends in the page
}

// maxUnlogged bounds how many segments wait for their pages. Over it uploads stop: a bucket
// that refuses pages is not one that has segments.
const maxUnlogged = 2 * pageRecords

// mayUpload reports whether another segment may be put, as far as the log allows.
func (u *Uploader) mayUpload() bool { return len(u.run.unlogged) < maxUnlogged }

// awaitLog notes that it is stored or lost as soon as the newest page is in the bucket.
func (u *Uploader) awaitLog(it *Item, reason string) {
	o := u.run.pages.object()
	u.run.unlogged = append(u.run.unlogged, unlogged{it, reason, o.Key, o.Size()})
}

// logged notes that the bucket has an object up to a length or, if it is a page that cannot
// be put, never will have it.
func (u *Uploader) logged(key string, length int64) {
	u.run.unlogged = slices.DeleteFunc(u.run.unlogged, func(w unlogged) bool {
		if w.page != key || w.end > length {
			return false
		}
		u.rec.stored(w.item, w.reason)
		return true
	})
}

// awaitsLog reports whether the local file at key belongs to such a segment.
func (u *Uploader) awaitsLog(key string) bool {
	return slices.ContainsFunc(u.run.unlogged, func(w unlogged) bool {
		return u.rec.key(w.item.Rendition, w.item.Segment) == key
	})
}
