package api

import (
	"context"
	"net"
	"net/http"
	"net/netip"
	"strings"

	"golive/api/auth"
	"golive/internal/connlimit"
)

// origin is where a request comes from.
type origin struct {
	caller  auth.Caller
	address netip.Addr
	base    string // the URL at which the client reaches the server, without a path
}

// originKey is the key of the origin in a request's context.
type originKey struct{}

// originOf returns the origin of the request with that context.
func originOf(ctx context.Context) origin {
	from, _ := ctx.Value(originKey{}).(origin) // the zero value is anonymous
	return from
}

func networkOf(a netip.Addr) netip.Prefix { return connlimit.NetworkOf(a) }

// addressOf returns the address of the client.
func (a *API) addressOf(r *http.Request) netip.Addr {
	return connlimit.Client(r.RemoteAddr, r.Header["X-Forwarded-For"], a.Server.Proxies)
}

// baseOf returns the URL at which the client reaches the server, with the base path.
func (a *API) baseOf(r *http.Request, public string) string {
	if public != "" {
		return public
	}
	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
	}
	if connlimit.Contains(a.Server.Proxies, connlimit.Client(r.RemoteAddr, nil, nil)) && r.Header.Get("X-Forwarded-Proto") == "https" {
		scheme = "https"
	}
	host := r.Host
	if !isHost(host) {
		host = "localhost"
	}
	return scheme + "://" + host + a.Server.BasePath
}

// isHost reports whether text is the host of a URL, with or without a port.
func isHost(text string) bool {
	return text != "" && len(text) <= 255 && strings.Trim(strings.ToLower(text), "abcdefghijklmnopqrstuvwxyz0123456789-._:[]") == ""
}

// hostOf returns the host of a base URL without its port, in brackets if it is an IPv6 address.
func hostOf(base string) string {
	_, rest, _ := strings.Cut(base, "://")
	host, _, _ := strings.Cut(rest, "/")
	name, _, err := net.SplitHostPort(host)
	if err != nil {
		return host
	}
	if strings.Contains(name, ":") {
		return "[" + name + "]"
	}
	return name
}
