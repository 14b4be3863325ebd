package main

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"golive/internal/hlscheck"
)

// playlists parses each playlist once for all viewers, identified by its ETag.
type playlists struct {
	mu    sync.RWMutex
	known map[string]*list
}

// list is a parsed media playlist. It is immutable.
type list struct {
	size     int
	parts    []item
	segments []item
	next     position // of the part that comes next
	ended    bool
	target   time.Duration
	holdBack time.Duration // of parts; 0 when there are none
	canSkip  bool
}

// item is a part or segment to fetch.
type item struct {
	at          position
	uri         string
	duration    time.Duration
	independent bool
}

// position is a segment, or a part of one.
type position struct{ msn, part int64 }

func (p position) before(q position) bool {
	return p.msn < q.msn || p.msn == q.msn && p.part < q.part
}

// maxKnown is the number of playlists that are kept: viewers use two or three at a time.
const maxKnown = 256

// read returns the playlist of a response.
func (p *playlists) read(a response) (*list, error) {
	p.mu.RLock()
	l := p.known[string(a.etag)]
	p.mu.RUnlock()
	if l == nil {
		var err error
		if l, err = p.parse(a); err != nil {
			return nil, err
		}
	}
	if l.size != len(a.body) {
		return nil, fmt.Errorf("%s has %d bytes, and had %d before", a.etag, len(a.body), l.size)
	}
	return l, nil
}

func (p *playlists) parse(a response) (*list, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if l := p.known[string(a.etag)]; l != nil {
		return l, nil
	}
	text := a.body
	if a.gzip {
		r, err := gzip.NewReader(bytes.NewReader(a.body))
		if err != nil {
			return nil, err
		}
		if text, err = io.ReadAll(r); err != nil {
			return nil, err
		}
	}
	m, wrong := hlscheck.ParseMedia("index.m3u8", text)
	if len(wrong) > 0 {
		return nil, fmt.Errorf("rule %d: %s", wrong[0].Rule, wrong[0].Text)
	}
	l := newList(m)
	l.size = len(a.body)
	if len(p.known) >= maxKnown || p.known == nil {
		p.known = make(map[string]*list, maxKnown)
	}
	p.known[string(a.etag)] = l
	return l, nil
}

func newList(m *hlscheck.Media) *list {
	l := &list{
		ended: m.EndList, target: m.TargetDuration,
		holdBack: m.ServerControl.PartHoldBack, canSkip: m.ServerControl.CanSkipUntil > 0,
		next: position{msn: m.MediaSequence + m.Skipped},
	}
	for i := range m.Segments {
		s := &m.Segments[i]
		l.addParts(s.MSN, s.Parts)
		if !s.Gap {
			l.segments = append(l.segments, item{position{s.MSN, 0}, s.URI, s.Duration, true})
		}
		l.next = position{msn: s.MSN + 1}
	}
	l.addParts(l.next.msn, m.Parts)
	l.next.part = int64(len(m.Parts))
	return l
}

func (l *list) addParts(msn int64, parts []hlscheck.Part) {
	for i := range parts {
		if p := &parts[i]; !p.Gap {
			l.parts = append(l.parts, item{position{msn, int64(i)}, p.URI, p.Duration, p.Independent})
		}
	}
}

// startPosition returns where a player begins that stays distance from the end: at the last independent
// item that is far enough away, or else at the first.
func startPosition(items []item, distance time.Duration) position {
	var length time.Duration
	var first position
	for _, it := range slices.Backward(items) {
		length += it.duration
		if !it.independent {
			continue
		}
		first = it.at
		if length >= distance {
			break
		}
	}
	return first
}
