package registry

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// place is where a broadcast is in a list: by the time at which it was made, then by id.
type place struct {
	created time.Time
	id      string
}

func placeOf(b *Broadcast) place { return place{b.Created, b.ID} }

func (p place) compare(q place) int {
	return cmp.Or(p.created.Compare(q.created), strings.Compare(p.id, q.id))
}

// cursor returns a place as the text that continues a list after it.
func (p place) cursor() string {
	return fmt.Sprintf("%d.%d.%s", p.created.Unix(), p.created.Nanosecond(), p.id)
}

// parseCursor is the reverse of cursor.
func parseCursor(text string) (place, bool) {
	parts := strings.SplitN(text, ".", 3)
	if len(parts) < 3 {
		return place{}, false
	}
	seconds, err := strconv.ParseInt(parts[0], 10, 64)
	nanos, err2 := strconv.ParseInt(parts[1], 10, 64)
	return place{time.Unix(seconds, nanos), parts[2]}, err == nil && err2 == nil && parts[2] != ""
}

// ordered is a list of broadcasts, oldest first. Most are made, and removed, at its ends.
type ordered struct{ list []*Broadcast }

func (o *ordered) find(p place) (int, bool) {
	if n := len(o.list); n > 0 && placeOf(o.list[n-1]).compare(p) < 0 {
		return n, false
	}
	return slices.BinarySearchFunc(o.list, p, func(b *Broadcast, p place) int { return placeOf(b).compare(p) })
}

// put adds a broadcast, or replaces it.
func (o *ordered) put(b *Broadcast) {
	if i, found := o.find(placeOf(b)); found {
		o.list[i] = b
	} else {
		o.list = slices.Insert(o.list, i, b)
	}
}

func (o *ordered) remove(b *Broadcast) {
	i, found := o.find(placeOf(b))
	switch {
	case !found:
	case i == 0: // without moving the rest
		o.list[0] = nil
		o.list = o.list[1:]
	default:
		o.list = slices.Delete(o.list, i, i+1)
	}
}

// index is a list for each value of a field.
type index map[string]*ordered

func (x index) put(value string, b *Broadcast) {
	if value == "" {
		return
	}
	if x[value] == nil {
		x[value] = &ordered{}
	}
	x[value].put(b)
}

func (x index) remove(value string, b *Broadcast) {
	if o := x[value]; o != nil {
		if o.remove(b); len(o.list) == 0 {
			delete(x, value)
		}
	}
}
