package main

import (
	"context"
	"errors"
	"time"

	"golive/api"
	"golive/archive"
	"golive/broadcast"
	"golive/origin"
	"golive/origin/audience"
	"golive/playlist"
)

// pastTimeout is how long a request waits for what the bucket knows of a broadcast that this node does not have.
const pastTimeout = 2 * time.Second

// errNoAnswer says that the bucket did not answer in time.
var errNoAnswer = errors.New("the storage does not answer: try again later")

// directory provides the API with the Hub's broadcasts and their viewers.
type directory struct {
	hub      *broadcast.Hub
	bucket   *bucketProbe
	audience *audience.Audience
	reads    *origin.ReadLimiter
	basePath string // before the paths of playlists
}

// Broadcasts implements api.Directory.
func (d directory) Broadcasts() []api.Broadcast {
	all := []api.Broadcast{}
	for _, b := range d.hub.List() {
		all = append(all, d.live(b))
	}
	return all
}

// Broadcast implements api.Directory.
func (d directory) Broadcast(ctx context.Context, id string) (api.Broadcast, error) {
	if b, ok := d.Live(id); ok {
		return b, nil
	}
	end, err := d.reads.Begin(ctx, "") // all clients of the API share the reads of one address
	if err != nil {
		return api.Broadcast{}, err
	}
	looking, cancel := context.WithTimeout(ctx, pastTimeout)
	defer cancel()
	past, ok := d.hub.Past(looking, id)
	end()
	switch {
	case !ok && looking.Err() != nil:
		return api.Broadcast{}, errNoAnswer
	case !ok:
		return api.Broadcast{}, api.ErrNotFound
	}
	return d.describe(broadcast.Status{
		ID: id, State: broadcast.Ended, Began: past.Began, Ended: past.Ended, Replay: past.Replay,
		Poster: past.Poster, Storyboard: past.Storyboard,
	}), nil
}

// Live implements api.Directory.
func (d directory) Live(id string) (api.Broadcast, bool) {
	if b, ok := d.hub.Find(id); ok && b.Watchable() {
		return d.live(b), true
	}
	return api.Broadcast{}, false
}

// poster returns the path of a broadcast's poster; empty when there is none, or none is known before
// ctx is done.
func (d directory) poster(ctx context.Context, id string) string {
	b, err := d.Broadcast(ctx, id)
	if err != nil || b.Poster == nil {
		return ""
	}
	return *b.Poster
}

func (d directory) live(b *broadcast.Broadcast) api.Broadcast {
	status := b.Status()
	if err := d.bucket.failure(); err != nil && status.StorageError == "" && status.Replay == "" {
		status.StorageError = err.Error()
	}
	told := d.describe(status)
	told.Viewers = d.audience.Viewers(told.ID)
	return told
}

func (d directory) describe(s broadcast.Status) api.Broadcast {
	b := api.Broadcast{
		ID:         s.ID,
		State:      s.State.String(),
		StartedAt:  &s.Began,
		Playlist:   d.basePath + "/live/" + s.ID + "/" + archive.PlaylistName,
		PlaylistTS: d.basePath + "/live/" + s.ID + "/" + playlist.PlainName,
		Encoder:    s.Encoder,
		Warnings:   []api.Warning{},
		Renditions: []api.Rendition{},
	}
	for _, w := range s.Warnings {
		b.Warnings = append(b.Warnings, api.Warning{Code: string(w.Code), Text: w.Text, Since: w.Since})
	}
	if !s.Ended.IsZero() {
		b.EndedAt = &s.Ended
	}
	if s.StorageError != "" {
		b.StorageError = &s.StorageError
	}
	b.StorageLag = s.StorageLag.Round(time.Millisecond).Seconds()
	path := func(name string) *string {
		if name == "" {
			return nil
		}
		p := d.basePath + "/live/" + s.ID + "/" + name
		return &p
	}
	b.Replay, b.Poster, b.Storyboard = path(s.Replay), path(s.Poster), path(s.Storyboard)
	if t := s.Transcoding; t != nil {
		b.Transcoding = &api.Transcoding{Problem: t.Problem, Restarts: t.Restarts, Rungs: []api.Rung{}}
		for _, r := range t.Rungs {
			b.Transcoding.Rungs = append(b.Transcoding.Rungs, api.Rung{Name: r.Name, State: r.State})
		}
	}
	for _, v := range s.Variants {
		r := api.Rendition{
			Name:             v.Name,
			Codecs:           v.Codecs(),
			FrameRate:        v.FrameRate,
			Bandwidth:        v.Peak,
			AverageBandwidth: v.Average,
		}
		if v.Video != nil {
			r.Width, r.Height = v.Video.Width, v.Video.Height
		}
		b.Renditions = append(b.Renditions, r)
	}
	return b
}
