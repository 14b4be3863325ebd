package api

import (
	"context"
	"errors"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"golive/api/auth"
	"golive/ingest"
	"golive/registry"
)

type listInput struct {
	State   string `query:"state" enum:"created,preview,starting,live,reconnecting,ended" doc:"Only broadcasts in this state. Without it: those that are live or have just ended, and with owner all."`
	Owner   string `query:"owner" maxLength:"256" doc:"Only those of this user: a user can ask for their own (me), a server for anybody's."`
	Channel string `query:"channel" maxLength:"64" doc:"Only those of this channel."`
	Cursor  string `query:"cursor" maxLength:"512" doc:"The cursor (next) of the page before."`
	Limit   int    `query:"limit" minimum:"1" maximum:"1000" default:"1000" doc:"How many broadcasts a page has at most."`
}

type listOutput struct {
	CacheControl string `header:"Cache-Control"`
	Body         BroadcastPage
}

// BroadcastPage is a page of broadcasts.
type BroadcastPage struct {
	Broadcasts []Broadcast `json:"broadcasts" doc:"The broadcasts, newest first."`
	Next       string      `json:"next,omitempty" doc:"The cursor of the next page; absent on the last one."`
}

type oneInput struct {
	ID string `path:"id" doc:"The broadcast's public name."`
}

type oneOutput struct {
	CacheControl string `header:"Cache-Control"`
	Body         Broadcast
}

func (a *API) registerReads(h huma.API) {
	list := huma.Operation{
		OperationID: "list-broadcasts",
		Method:      http.MethodGet,
		Path:        "/v1/broadcasts",
		Summary:     "What is live now, or other broadcasts, newest first",
	}
	one := huma.Operation{
		OperationID: "get-broadcast",
		Method:      http.MethodGet,
		Path:        "/v1/broadcasts/{id}",
		Summary:     "One broadcast, or the replay of one",
		Errors:      []int{http.StatusNotFound, http.StatusServiceUnavailable},
	}
	if a.Records != nil {
		list, one = identified(list, false), identified(one, false)
	}
	huma.Register(h, list, a.list)
	huma.Register(h, one, a.one)
}

// one answers with one broadcast.
func (a *API) one(ctx context.Context, in *oneInput) (*oneOutput, error) {
	if ingest.CheckID(in.ID) != nil { // there cannot be one
		return nil, errNotFound()
	}
	from := originOf(ctx)
	var record registry.Broadcast
	known := false
	if a.Records != nil {
		record, known = a.Records.FindBroadcast(in.ID)
	}
	if known && !maySee(from.caller, record) {
		return nil, errNotFound()
	}
	out := &oneOutput{CacheControl: "no-cache"}
	if known && record.State == registry.Created {
		out.Body = a.show(from.caller, record, nil)
		out.Body.Playback = a.playback(from.base, from.caller, record)
		return out, nil
	}
	media, err := a.Directory.Broadcast(ctx, in.ID)
	switch {
	case known && (err != nil || media.State == string(registry.Ended) && record.State != registry.Ended):
		// Another node has it. Its replay of before is not what is asked for.
		out.Body = a.show(from.caller, record, nil)
	case errors.Is(err, ErrNotFound):
		return nil, errNotFound()
	case err != nil:
		return nil, huma.Error503ServiceUnavailable(err.Error())
	case known:
		out.Body = a.show(from.caller, record, &media)
	default:
		out.Body = withoutRecord(media)
	}
	if a.Records != nil {
		record.ID = in.ID
		out.Body.Playback = a.playback(from.base, from.caller, record)
	}
	return out, nil
}

// maxPages bounds how many pages of records are read for one answer.
const maxPages = 20

// list answers with a page of broadcasts.
func (a *API) list(ctx context.Context, in *listInput) (*listOutput, error) {
	out := &listOutput{CacheControl: "no-cache"}
	out.Body.Broadcasts = []Broadcast{}
	if a.Records == nil {
		for _, b := range a.Directory.Broadcasts() {
			out.Body.Broadcasts = append(out.Body.Broadcasts, withoutRecord(b))
		}
		return out, nil
	}
	c := originOf(ctx).caller
	filter, err := filterOf(c, in)
	if err != nil {
		return nil, err
	}
	l := listing{api: a, caller: c, in: in, media: map[string]*Broadcast{}}
	for _, b := range a.Directory.Broadcasts() {
		l.media[b.ID] = &b
		l.order = append(l.order, b.ID)
	}
	for range maxPages {
		filter.Limit = in.Limit - len(out.Body.Broadcasts)
		page, next := a.Records.ListBroadcasts(filter)
		for _, r := range page {
			if b, ok := l.choose(r); ok {
				out.Body.Broadcasts = append(out.Body.Broadcasts, b)
			}
		}
		filter.After, out.Body.Next = next, next
		if next == "" || len(out.Body.Broadcasts) >= in.Limit {
			break
		}
	}
	if in.Cursor == "" && in.Owner == "" && in.Channel == "" {
		out.Body.Broadcasts = append(out.Body.Broadcasts, l.rest()...)
	}
	return out, nil
}

// filterOf returns what is asked of the registry, or a problem if the caller may not ask that.
func filterOf(c auth.Caller, in *listInput) (registry.Filter, error) {
	f := registry.Filter{Channel: in.Channel, After: in.Cursor, Listed: true}
	if in.Cursor != "" && !registry.ValidCursor(in.Cursor) {
		return f, huma.Error422UnprocessableEntity("the cursor is none that this server has made")
	}
	switch in.State {
	case "":
		f.Active = in.Owner == ""
	case "preview":
		f.Active = true
	default:
		f.State = registry.State(in.State)
	}
	if c.Everyone() && c.Has(auth.ReadBroadcasts) {
		f.Owner, f.Listed = in.Owner, false
		return f, nil
	}
	if in.Owner == "" {
		return f, nil
	}
	if c.Anonymous() {
		return f, errNobody()
	}
	if in.Owner != "me" && in.Owner != c.User.ID || !c.Has(auth.ReadBroadcasts) {
		return f, huma.Error403Forbidden("only servers with the scope broadcasts:read can ask for the broadcasts of others")
	}
	f.Owner, f.Listed = c.User.ID, false
	return f, nil
}

// listing selects and completes the broadcasts of one answer.
type listing struct {
	api    *API
	caller auth.Caller
	in     *listInput
	media  map[string]*Broadcast // what this node has, by id
	order  []string              // their ids
}

// choose returns what is shown of a record, unless it is not asked for.
func (l *listing) choose(r registry.Broadcast) (Broadcast, bool) {
	media := l.media[r.ID]
	if media != nil && media.State == string(registry.Ended) && r.State != registry.Ended {
		media = nil // an earlier one
	}
	b := l.api.show(l.caller, r, media)
	delete(l.media, r.ID)
	switch l.in.State {
	case "":
		return b, l.in.Owner != "" || l.caller.Everyone() || r.State != registry.Created
	default:
		return b, b.State == l.in.State
	}
}

// rest returns the broadcasts of this node that the registry did not name: those without a record,
// and those that have just ended.
func (l *listing) rest() (all []Broadcast) {
	for _, id := range l.order {
		media := l.media[id]
		if media == nil || l.in.State != "" && l.in.State != media.State {
			continue
		}
		r, known := l.api.Records.FindBroadcast(id)
		switch {
		case !known:
			all = append(all, withoutRecord(*media))
		case r.State == registry.Ended && l.in.State == "" && (l.caller.Everyone() && l.caller.Has(auth.ReadBroadcasts) || !r.IsHidden() && !r.Test && r.Visibility != registry.Unlisted):
			all = append(all, l.api.show(l.caller, r, media))
		}
	}
	return all
}
