package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"golive/api"
)

// subcommands are the commands that talk to the API, by "COMMAND SUBCOMMAND".
func subcommands() map[string]func(ctx context.Context, flags *flag.FlagSet, c *client, parse func(least, most int) error) error {
	return map[string]func(context.Context, *flag.FlagSet, *client, func(least, most int) error) error{
		"broadcasts list":  listBroadcasts,
		"broadcasts show":  showBroadcast,
		"broadcasts end":   endBroadcast,
		"broadcasts watch": watchBroadcasts,
		"keys rotate":      rotateKey,
		"keys revoke":      revokeKey,
		"user may-go-live": mayGoLive,
	}
}

// clientCommand runs a command that talks to the API of a server.
func clientCommand(ctx context.Context, command string, args, env []string, stdout, stderr io.Writer) error {
	name := command
	if len(args) > 0 {
		name += " " + args[0]
	}
	run := subcommands()[name]
	if run == nil {
		fmt.Fprintf(stderr, "golive: there is no command %q\n\n%s", name, usage)
		return errUsage
	}
	flags := flag.NewFlagSet(name, flag.ContinueOnError)
	return run(ctx, flags, newClient(flags, env, stdout), func(least, most int) error {
		return parse(flags, args[1:], stderr, least, most)
	})
}

// page is a page of broadcasts.
type page struct {
	Broadcasts []json.RawMessage `json:"broadcasts"`
	Next       string            `json:"next,omitempty"`
}

// all returns the broadcasts that a query selects, of all pages.
func (c *client) all(ctx context.Context, query url.Values) ([]json.RawMessage, error) {
	all := []json.RawMessage{}
	for {
		path := "broadcasts"
		if len(query) > 0 {
			path += "?" + query.Encode()
		}
		body, err := c.call(ctx, http.MethodGet, path, nil)
		if err != nil {
			return nil, err
		}
		var p page
		if err := json.Unmarshal(body, &p); err != nil {
			return nil, fmt.Errorf("the server's answer cannot be read: %w", err)
		}
		all = append(all, p.Broadcasts...)
		if p.Next == "" || p.Next == query.Get("cursor") {
			return all, nil
		}
		query.Set("cursor", p.Next)
	}
}

func decode(texts []json.RawMessage) ([]api.Broadcast, error) {
	all := make([]api.Broadcast, len(texts))
	for i, text := range texts {
		if err := json.Unmarshal(text, &all[i]); err != nil {
			return nil, fmt.Errorf("the server's answer cannot be read: %w", err)
		}
	}
	return all, nil
}

// selection adds the flags that select broadcasts, and returns the query.
func selection(flags *flag.FlagSet) func() url.Values {
	values := map[string]*string{
		"state":   flags.String("state", "", "only those in this `state`: created, preview, starting, live, reconnecting or ended"),
		"owner":   flags.String("owner", "", "only those of this `user`; me is the token's"),
		"channel": flags.String("channel", "", "only those of this `channel`"),
	}
	return func() url.Values {
		query := url.Values{}
		for name, value := range values {
			if *value != "" {
				query.Set(name, *value)
			}
		}
		return query
	}
}

func listBroadcasts(ctx context.Context, flags *flag.FlagSet, c *client, parse func(least, most int) error) error {
	query := selection(flags)
	if err := parse(0, 0); err != nil {
		return err
	}
	texts, err := c.all(ctx, query())
	if err != nil {
		return err
	}
	if c.json {
		text, err := json.Marshal(page{Broadcasts: texts})
		if err != nil {
			return err
		}
		return c.printJSON(text)
	}
	all, err := decode(texts)
	if err != nil {
		return err
	}
	now := time.Now()
	table := tabwriter.NewWriter(c.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "ID\tSTATE\tVIEWERS\tFOR\tSOURCE\tOWNER\tTITLE")
	for _, b := range all {
		fmt.Fprintf(table, "%s\t%s\t%d\t%s\t%s\t%s\t%s\n", printable(b.ID), b.State, b.Viewers, lasted(b, now), sourceOf(b), printable(b.Owner), printable(b.Title))
	}
	return table.Flush()
}

// lasted returns how long a broadcast has been live, or was.
func lasted(b api.Broadcast, now time.Time) string {
	if b.StartedAt == nil || b.StartedAt.IsZero() {
		return "-"
	}
	if b.EndedAt != nil {
		now = *b.EndedAt
	}
	return now.Sub(*b.StartedAt).Round(time.Second).String()
}

// sourceOf returns the size and the bit rate of the untranscoded rendition.
func sourceOf(b api.Broadcast) string {
	for _, r := range b.Renditions {
		if r.Name != "source" {
			continue
		}
		if r.Height == 0 {
			return fmt.Sprintf("audio %d kbit/s", r.AverageBandwidth/1000)
		}
		return fmt.Sprintf("%dx%d %.4g/s %d kbit/s", r.Width, r.Height, r.FrameRate, r.AverageBandwidth/1000)
	}
	return "-"
}

// oneBroadcast is the path of a broadcast below /v1.
func oneBroadcast(id string, more ...string) string {
	return strings.Join(append([]string{"broadcasts", url.PathEscape(id)}, more...), "/")
}

func showBroadcast(ctx context.Context, flags *flag.FlagSet, c *client, parse func(least, most int) error) error {
	if err := parse(1, 1); err != nil {
		return err
	}
	var b api.Broadcast
	if done, err := c.read(ctx, http.MethodGet, oneBroadcast(flags.Arg(0)), nil, &b); done || err != nil {
		return err
	}
	return c.show(b)
}

// show prints what is known of a broadcast.
func (c *client) show(b api.Broadcast) error {
	table := tabwriter.NewWriter(c.out, 0, 0, 2, ' ', 0)
	row := func(name, value string) {
		if value != "" {
			fmt.Fprintf(table, "%s\t%s\n", name, printable(value))
		}
	}
	at := func(name string, t *time.Time) {
		if t != nil && !t.IsZero() {
			row(name, t.Local().Format(time.RFC3339))
		}
	}
	text := func(name string, p *string) {
		if p != nil {
			row(name, *p)
		}
	}
	row("id", b.ID)
	row("state", b.State)
	row("title", b.Title)
	row("owner", b.Owner)
	row("channel", b.Channel)
	row("visibility", b.Visibility)
	if b.Test {
		row("test", "true")
	}
	at("created", b.CreatedAt)
	at("scheduled", b.ScheduledStart)
	at("started", b.StartedAt)
	at("ended", b.EndedAt)
	row("viewers", strconv.Itoa(b.Viewers))
	row("encoder", b.Encoder)
	if p := b.Playback; p != nil {
		row("watch", p.Watch)
		row("playlist", p.HLS)
	} else {
		row("playlist", b.Playlist)
	}
	text("replay", b.Replay)
	for _, r := range b.Renditions {
		row("rendition", fmt.Sprintf("%s  %dx%d  %.4g/s  %d kbit/s  %s", r.Name, r.Width, r.Height, r.FrameRate, r.AverageBandwidth/1000, r.Codecs))
	}
	text("storage", b.StorageError)
	for _, w := range b.Warnings {
		row("warning", fmt.Sprintf("%s: %s (since %s)", w.Code, w.Text, w.Since.Local().Format(time.TimeOnly)))
	}
	return table.Flush()
}

func endBroadcast(ctx context.Context, flags *flag.FlagSet, c *client, parse func(least, most int) error) error {
	if err := parse(1, 1); err != nil {
		return err
	}
	var b api.Broadcast
	if done, err := c.read(ctx, http.MethodPost, oneBroadcast(flags.Arg(0), "end"), nil, &b); done || err != nil {
		return err
	}
	_, err := fmt.Fprintf(c.out, "%s is asked to end\n", printable(flags.Arg(0)))
	return err
}

// watchBroadcasts prints a line for each change of a broadcast, or of all that are live, until it is
// interrupted, or the one broadcast has ended.
func watchBroadcasts(ctx context.Context, flags *flag.FlagSet, c *client, parse func(least, most int) error) error {
	query := selection(flags)
	interval := flags.Duration("interval", time.Second, "how often to ask")
	if err := parse(0, 1); err != nil {
		return err
	}
	id := flags.Arg(0)
	known := map[string]string{}
	for first := true; ; first = false {
		var texts []json.RawMessage
		var err error
		if id != "" {
			var text []byte
			text, err = c.call(ctx, http.MethodGet, oneBroadcast(id), nil)
			texts = []json.RawMessage{text}
		} else {
			texts, err = c.all(ctx, query())
		}
		switch interrupted := ctx.Err() != nil; {
		case err == nil:
			ended, err := c.changes(texts, known)
			if err != nil || ended && id != "" {
				return err
			}
		case first && !interrupted:
			return err
		case !interrupted: // the server may be restarting
			fmt.Fprintln(flags.Output(), "golive:", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(max(*interval, 100*time.Millisecond)):
		}
	}
}

// changes prints the broadcasts that differ from known, and updates it. It reports whether all have
// ended.
func (c *client) changes(texts []json.RawMessage, known map[string]string) (ended bool, err error) {
	all, err := decode(texts)
	if err != nil {
		return false, err
	}
	ended = true
	seen := make(map[string]bool, len(all))
	for i, b := range all {
		seen[b.ID] = true
		ended = ended && b.State == "ended"
		codes := make([]string, len(b.Warnings))
		for i, w := range b.Warnings {
			codes[i] = w.Code
		}
		line := fmt.Sprintf("%s  %s  %d viewers  %s", printable(b.ID), b.State, b.Viewers, strings.Join(codes, " "))
		if known[b.ID] == line {
			continue
		}
		known[b.ID] = line
		if err := c.change(line, texts[i]); err != nil {
			return false, err
		}
	}
	for id := range known {
		if seen[id] {
			continue
		}
		delete(known, id)
		gone, err := json.Marshal(map[string]any{"id": id, "state": "gone"})
		if err != nil {
			return false, err
		}
		if err := c.change(printable(id)+"  gone", gone); err != nil {
			return false, err
		}
	}
	return ended, nil
}

// change prints one change: a line of text, or of JSON.
func (c *client) change(line string, text []byte) error {
	if !c.json {
		_, err := fmt.Fprintf(c.out, "%s  %s\n", time.Now().Format(time.TimeOnly), strings.TrimSpace(line))
		return err
	}
	_, err := fmt.Fprintf(c.out, "%s\n", strings.TrimSpace(string(text)))
	return err
}
