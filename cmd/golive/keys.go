package main

import (
	"context"
	"flag"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"text/tabwriter"

	"golive/api"
)

// keyOf is the path below /v1 of the stream key of a broadcast, or of the channel @NAME.
func keyOf(id string) string {
	if name, ok := strings.CutPrefix(id, "@"); ok {
		return "channels/" + url.PathEscape(name) + "/key"
	}
	return oneBroadcast(id, "key")
}

// rotateKey makes another stream key for a broadcast, or a channel.
func rotateKey(ctx context.Context, flags *flag.FlagSet, c *client, parse func(least, most int) error) error {
	if err := parse(1, 1); err != nil {
		return err
	}
	var k api.StreamKey
	if done, err := c.read(ctx, http.MethodPost, keyOf(flags.Arg(0)), nil, &k); done || err != nil {
		return err
	}
	table := tabwriter.NewWriter(c.out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(table, "stream key\t%s\n", printable(k.StreamKey))
	for _, a := range []struct {
		name string
		url  *string
	}{{"rtmp", k.Ingest.RTMP}, {"rtmps", k.Ingest.RTMPS}, {"websocket", k.Ingest.WebSocket}, {"whip", k.Ingest.WHIP}} {
		if a.url != nil {
			fmt.Fprintf(table, "%s\t%s\n", a.name, printable(*a.url))
		}
	}
	return table.Flush()
}

// revokeKey revokes the stream key of a broadcast, or a channel.
func revokeKey(ctx context.Context, flags *flag.FlagSet, c *client, parse func(least, most int) error) error {
	if err := parse(1, 1); err != nil {
		return err
	}
	if _, err := c.call(ctx, http.MethodDelete, keyOf(flags.Arg(0)), nil); err != nil {
		return err
	}
	if c.json {
		return c.printJSON([]byte("{}"))
	}
	_, err := fmt.Fprintf(c.out, "the stream key of %s is revoked; a publisher that is connected stays (golive broadcasts end)\n", printable(flags.Arg(0)))
	return err
}

// devToken begins the token of any user while api.open is true.
const devToken = "dev:"

// mayGoLive prints whether a user may go live, and why.
func mayGoLive(ctx context.Context, flags *flag.FlagSet, c *client, parse func(least, most int) error) error {
	header := http.Header{}
	for _, a := range []struct{ name, header, what string }{
		{"platform", "Golive-Platform", "the app's platform, such as android"},
		{"app-version", "Golive-App-Version", "the version of the app"},
		{"country", "Golive-Country", "the user's country, two letters"},
		{"created", "Golive-Account-Created", "when the account was made, as in 2026-01-31T00:00:00Z"},
		{"followers", "Golive-Followers", "how many followers the user has"},
	} {
		flags.Func(a.name, a.what+", for the rules", func(value string) error {
			header.Set(a.header, value)
			return nil
		})
	}
	if err := parse(1, 1); err != nil {
		return err
	}
	header.Set("Golive-User", flags.Arg(0))
	if c.token == "" || strings.HasPrefix(c.token, devToken) {
		c.token = devToken + flags.Arg(0) // a server in development mode answers for the token's user
	}
	var g api.Golive
	if done, err := c.read(ctx, http.MethodGet, "golive", header, &g); done || err != nil {
		return err
	}
	answer := "no"
	if g.Allowed {
		answer = "yes"
	}
	table := tabwriter.NewWriter(c.out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(table, "may go live\t%s\nreason\t%s\ncode\t%s\n", answer, printable(g.Reason), printable(g.ReasonCode))
	if g.FallbackURL != nil {
		fmt.Fprintf(table, "fallback\t%s\n", printable(*g.FallbackURL))
	}
	return table.Flush()
}
