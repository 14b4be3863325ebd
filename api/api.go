package api

import (
	"context"
	"crypto/rand"
	"log/slog"
	"net/http"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"golive/api/auth"
	"golive/registry"
	"golive/rollout"
)

// Server describes the server in the OpenAPI document.
type Server struct {
	Version string
	// BasePath is the path below which clients reach the server: "/video"; "" is none.
	BasePath string
	// Ingest is where publishers connect to.
	Ingest Ingest
	// Recommended are the settings for encoders.
	Recommended RecommendedSettings
	// Proxies are the networks whose X-Forwarded-For and X-Forwarded-Proto are believed.
	Proxies []netip.Prefix
}

// Records holds the records of broadcasts and channels; *registry.Registry implements it. It reads
// from memory.
type Records interface {
	CreateBroadcast(ctx context.Context, b registry.Broadcast) (registry.Broadcast, error)
	UpdateBroadcast(ctx context.Context, id string, change func(*registry.Broadcast) error) (registry.Broadcast, error)
	RemoveBroadcast(ctx context.Context, id string) error
	FindBroadcast(id string) (registry.Broadcast, bool)
	HasBroadcasts(owner string) bool
	ListBroadcasts(f registry.Filter) (page []registry.Broadcast, next string)
	PutChannel(ctx context.Context, c registry.Channel) (registry.Channel, error)
	UpdateChannel(ctx context.Context, name string, change func(*registry.Channel) error) (registry.Channel, error)
	FindChannel(name string) (registry.Channel, bool)
	WatchBroadcast(id string) (changed <-chan struct{}, stop func())
}

// Rollout decides who may go live. wasIn says that the user was let in before.
type Rollout interface {
	Decide(ctx context.Context, u rollout.User, wasIn bool) rollout.Decision
}

// Signer makes playback tokens.
type Signer interface {
	// Sign returns the path segment with which a broadcast can be watched until expires.
	Sign(id string, generation int, expires time.Time) string
}

// Media holds the media of broadcasts.
type Media interface {
	// Delete deletes the replay and the pictures of a broadcast that has ended.
	Delete(ctx context.Context, id string) error
}

// Parts are what the API connects.
type Parts struct {
	Server    Server
	Directory Directory
	// Records is nil where broadcasts can only be listed; then the rest is not used.
	Records Records
	Rollout Rollout
	Media   Media
	// Signer is nil where there are no playback tokens. SignAll is true if all playback needs
	// one.
	Signer  Signer
	SignAll bool
	// Secret is what stream keys are derived from where a request has an Idempotency-Key. All
	// nodes need the same one to answer a repeated request alike; nil is a random one.
	Secret []byte
	// Stopping is closed when the server begins to stop; nil is never.
	Stopping <-chan struct{}
	Log      *slog.Logger
}

// API answers the requests below /v1/. It is safe for concurrent use.
type API struct {
	Parts

	config  atomic.Pointer[settings]
	streams streams // of events
}

// settings are what a Reload replaces.
type settings struct {
	Config

	auth *auth.Authenticator
	rate limits
}

// Register adds the interface to mux: the requests under /v1/, their OpenAPI
// document and its readable page.
func Register(mux *http.ServeMux, c Config, p Parts) (*API, error) {
	a := &API{Parts: p}
	if a.Log == nil {
		a.Log = slog.New(slog.DiscardHandler)
	}
	if a.Secret == nil {
		a.Secret = make([]byte, 32)
		_, _ = rand.Read(a.Secret) // never fails
	}
	if err := a.Reload(c); err != nil {
		return nil, err
	}
	routes := http.NewServeMux()
	mux.Handle("/v1/", &public{api: a, routes: routes})
	described := humago.New(routes, a.humaConfig())
	a.registerReads(described)
	if a.Records != nil {
		a.registerGolive(described)
		a.registerWrites(described)
		a.registerChannels(described)
		a.registerEvents(described)
	}
	if err := registerDocument(routes, described.OpenAPI()); err != nil {
		return nil, err
	}
	return a, nil
}

// PublicURL returns public_url.
func (a *API) PublicURL() string { return a.config.Load().PublicURL }

// Reload replaces the configuration. After an error the old one stays in force.
func (a *API) Reload(c Config) error {
	next := &settings{Config: c, rate: newLimits(c.Limits)}
	old := a.config.Load()
	log := a.Log
	if a.Records == nil || old != nil && old.Open {
		log = slog.New(slog.DiscardHandler) // nobody is asked who they are, or it was said before
	}
	known, err := auth.New(c.Config, log)
	if err != nil {
		return err
	}
	next.auth = known
	a.config.Store(next)
	return nil
}
