package api

import (
	"time"

	"golive/api/auth"
	"golive/registry"
)

// stateOf returns the state that is shown of a record.
func stateOf(b registry.Broadcast) string {
	if b.Preview && (b.State == registry.Live || b.State == registry.Reconnecting) {
		return "preview"
	}
	return string(b.State)
}

// show returns what the caller sees of a broadcast: its record, and what this node knows of its
// media, if anything. How it is made is its owner's business.
func (a *API) show(c auth.Caller, r registry.Broadcast, media *Broadcast) Broadcast {
	b := Broadcast{Warnings: []Warning{}, Renditions: []Rendition{}}
	path := a.Server.BasePath + "/live/" + r.ID + "/"
	if media != nil {
		b = *media
	}
	b.ID, b.Playlist, b.PlaylistTS = r.ID, path+"index.m3u8", path+"ts.m3u8"
	b.State = stateOf(r)
	if media != nil && media.State != string(r.State) && !r.Preview && r.State != registry.Ended {
		b.State = media.State // this node knows it sooner than the registry
	}
	if media == nil || r.State == registry.Created {
		b.StartedAt, b.EndedAt = timeOrNil(r.Started), timeOrNil(r.Ended)
	}
	if r.State == registry.Ended && b.EndedAt == nil {
		b.EndedAt = timeOrNil(r.Ended)
	}
	b.Record = recordOf(c, r)
	if r.Owner != "" && !owns(c, r) {
		b.Encoder, b.StorageError, b.StorageLag, b.Warnings, b.Transcoding = "", nil, 0, []Warning{}, nil
	}
	return b
}

// recordOf returns what the caller sees of a record.
func recordOf(c auth.Caller, r registry.Broadcast) Record {
	shown := Record{
		Title: r.Title, Channel: r.Channel, Visibility: string(r.Visibility), Test: r.Test,
		CreatedAt: timeOrNil(r.Created), ScheduledStart: timeOrNil(r.ScheduledStart),
	}
	if shown.Visibility == "" {
		shown.Visibility = string(registry.Public)
	}
	if owns(c, r) && c.Has(auth.ReadBroadcasts) {
		shown.Owner = r.Owner
	}
	return shown
}

// withoutRecord completes a broadcast that has no record.
func withoutRecord(b Broadcast) Broadcast {
	b.Visibility = string(registry.Public)
	return b
}

func timeOrNil(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}
