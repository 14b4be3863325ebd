package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode"
)

const (
	// clientTimeout bounds a request to the API.
	clientTimeout = 15 * time.Second
	// maxResponse bounds the body of a response, in bytes.
	maxResponse = 64 << 20
	// tokenVariable is the environment variable with the credentials of a client.
	tokenVariable = "GOLIVE_TOKEN"
)

// client sends requests to the API of a server, as its flags say, and prints what it answers.
type client struct {
	url, token string
	json       bool
	out        io.Writer
}

// newClient adds the flags of a client to those of a command.
func newClient(flags *flag.FlagSet, env []string, out io.Writer) *client {
	c := &client{out: out}
	flags.StringVar(&c.url, "url", "http://localhost:8080", "where the server is reached, with its base path")
	flags.StringVar(&c.token, "token", "", "an API key, or a user's token; by default that of "+tokenVariable+", which other users of the machine do not see")
	flags.BoolVar(&c.json, "json", false, "print JSON, for programs")
	for _, e := range env {
		if name, value, _ := strings.Cut(e, "="); name == tokenVariable {
			// Not the flag's default, which the help would show.
			c.token = value
		}
	}
	return c
}

// call sends a request for a path below /v1 and returns the body of a successful response.
func (c *client) call(ctx context.Context, method, path string, header http.Header) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, clientTimeout)
	defer cancel()
	base, err := url.Parse(strings.TrimSuffix(c.url, "/"))
	if err != nil || base.Host == "" || base.Scheme != "http" && base.Scheme != "https" {
		return nil, fmt.Errorf("--url %q is not an http or https URL", c.url)
	}
	r, err := http.NewRequestWithContext(ctx, method, base.String()+"/v1/"+path, http.NoBody)
	if err != nil {
		return nil, err
	}
	if header != nil {
		r.Header = header
	}
	r.Header.Set("Accept", "application/json, application/problem+json")
	if c.token != "" {
		r.Header.Set("Authorization", "Bearer "+c.token)
	}
	response, err := (&http.Client{}).Do(r)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, maxResponse))
	if err = errors.Join(err, response.Body.Close()); err != nil {
		return nil, fmt.Errorf("%s %s: %w", method, r.URL.Path, err)
	}
	if response.StatusCode/100 != 2 {
		return nil, problemIn(response, body)
	}
	return body, nil
}

// problemIn returns the error that a response reports, as problem details (RFC 9457) or otherwise.
func problemIn(r *http.Response, body []byte) error {
	var p struct {
		Title, Detail string
		Errors        []struct{ Message, Location string }
	}
	if json.Unmarshal(body, &p) != nil || p.Detail == "" && p.Title == "" {
		return fmt.Errorf("the server answers %s", r.Status)
	}
	text := p.Detail
	if text == "" {
		text = p.Title
	}
	for _, e := range p.Errors {
		text += "; " + e.Location + " " + e.Message
	}
	if r.StatusCode == http.StatusUnauthorized {
		text += " (set --token or " + tokenVariable + ")"
	}
	return fmt.Errorf("%s: %s", r.Status, printable(text))
}

// read calls for a resource and decodes it. With --json it is printed, too, and done is true.
func (c *client) read(ctx context.Context, method, path string, header http.Header, into any) (done bool, err error) {
	body, err := c.call(ctx, method, path, header)
	if err != nil {
		return false, err
	}
	if c.json {
		return true, c.printJSON(body)
	}
	if err := json.Unmarshal(body, into); err != nil {
		return false, fmt.Errorf("the server's answer cannot be read: %w", err)
	}
	return false, nil
}

func (c *client) printJSON(text []byte) error {
	var indented bytes.Buffer
	if err := json.Indent(&indented, bytes.TrimSpace(text), "", "  "); err != nil {
		return fmt.Errorf("the server's answer cannot be read: %w", err)
	}
	indented.WriteByte('\n')
	_, err := c.out.Write(indented.Bytes())
	return err
}

// printable replaces what could control a terminal: some texts are from publishers.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return '?'
	}, text)
}
