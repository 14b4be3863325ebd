package main

import (
	"context"

	"golive/api"
	"golive/broadcast"
)

// directory tells the API of the Hub's broadcasts.
type directory struct{ hub *broadcast.Hub }

// Broadcasts implements api.Directory.
func (d directory) Broadcasts() []api.Broadcast {
	all := []api.Broadcast{}
	for _, b := range d.hub.List() {
		all = append(all, describe(b.Status()))
	}
	return all
}

// Broadcast implements api.Directory.
func (d directory) Broadcast(ctx context.Context, id string) (api.Broadcast, bool) {
	if b, ok := d.hub.Find(id); ok {
		return describe(b.Status()), true
	}
	past, ok := d.hub.Past(ctx, id)
	if !ok {
		return api.Broadcast{}, false
	}
	return describe(broadcast.Status{
		ID: id, State: broadcast.Ended, Began: past.Began, Ended: past.Ended, Replay: past.Replay, Warnings: []string{},
	}), true
}

func describe(s broadcast.Status) api.Broadcast {
	b := api.Broadcast{
		ID:         s.ID,
		State:      s.State.String(),
		StartedAt:  s.Began,
		Playlist:   "/live/" + s.ID + "/index.m3u8",
		Encoder:    s.Encoder,
		Warnings:   s.Warnings,
		Renditions: []api.Rendition{},
	}
	if !s.Ended.IsZero() {
		b.EndedAt = &s.Ended
	}
	if s.Replay != "" {
		path := "/live/" + s.ID + "/" + s.Replay
		b.Replay = &path
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
