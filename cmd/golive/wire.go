package main

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"golive/admin"
	"golive/api"
	"golive/api/flags"
	"golive/api/webhook"
	"golive/broadcast"
	"golive/httpserver"
	"golive/ingest"
	"golive/ingest/rtmp"
	"golive/ingest/websocket"
	"golive/ingest/whip"
	"golive/internal/certificate"
	"golive/internal/config"
	"golive/internal/descriptors"
	"golive/origin"
	"golive/origin/audience"
	"golive/pictures"
	"golive/registry"
	"golive/storage"
	"golive/storage/disk"
	"golive/storage/s3"
	"golive/transcode"
	"golive/web"
)

// The interfaces that packages of one layer implement for each other.
var (
	_ ingest.PublishHandler = (*broadcast.Hub)(nil)
	_ origin.Source         = (*broadcast.Hub)(nil)
	_ api.Directory         = directory{}
	_ storage.Bucket        = (*disk.Bucket)(nil)
	_ storage.Bucket        = (*s3.Bucket)(nil)
	_ storage.Bucket        = (*registry.Bucket)(nil)
	_ broadcast.Ownership   = ownership{}
	_ broadcast.Observer    = reporter{}
	_ ingest.Keys           = (*issuedKeys)(nil)
	_ origin.Access         = (*registry.Registry)(nil)
	_ prometheus.Gatherer   = (*prometheus.Registry)(nil)
)

// server holds the servers, ready to run.
type server struct {
	registry     *registry.Registry
	bucket       *registry.Bucket // nil where the bucket cannot be shared
	transcoder   *transcode.Transcoder
	pictures     *pictures.Maker // nil if there are none
	hub          *broadcast.Hub
	probe        *bucketProbe
	rtmp         *rtmp.Server
	websocket    *websocket.Server
	whip         *whip.Server // nil when it is off
	certificates certificates
	origin       *httpserver.Server
	admin        *httpserver.Server
	metrics      *prometheus.Registry
	reloadable   []reloadable
	webhooks     *webhook.Deliverer
	overdue      overdue
	close        func() error
}

// wire creates the servers and what they need, and connects them.
func wire(ctx context.Context, cfg config.Config, open listeners, log *slog.Logger) (*server, error) {
	reg := prometheus.NewRegistry()
	reg.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))

	stores, err := openStores(ctx, cfg, reg, log)
	if err != nil {
		return nil, err
	}
	cfg.Registry.Events = len(cfg.API.Webhooks) > 0
	cluster := registry.New(cfg.Registry, cfg.Cluster.Self(), filepath.Join(cfg.DataDir, "registry"), log, registry.NewMetrics(reg))
	var bucket *registry.Bucket
	if cfg.Storage.Backend == "s3" {
		bucket = registry.NewBucket(stores.Bucket, cfg.Storage.S3.Prefix, cluster, log)
		stores.Bucket = bucket
	}
	memory := ingest.NewMemory(cfg.Ingest.Limits.Memory, min(memoryLimit(os.DirFS("/")).available(), debug.SetMemoryLimit(-1)))
	ingest.RegisterMemory(reg, memory)
	transcoder := transcode.New(cfg.Transcode, log, transcode.NewMetrics(reg, cfg.Transcode.Ladder))
	var maker *pictures.Maker
	if cfg.Pictures.Enabled {
		maker = pictures.NewMaker(cfg.Pictures, cfg.Transcode.FFmpeg, log, pictures.NewMetrics(reg))
	}
	hub := broadcast.NewHub(broadcast.Settings{
		Config:          cfg.Broadcast,
		Segmenter:       cfg.Segmenter,
		Playlist:        cfg.Playlist,
		ReconnectWindow: cfg.Ingest.ReconnectWindow,
		Takeover:        cfg.Ingest.Publish.Takeover,
		KeepOnUnpublish: !cfg.Ingest.Publish.EndOnUnpublish,
		Retention:       retention(cfg.Storage),
		Prefix:          prefixOf(cfg.Storage),
		Ownership:       newOwnership(cfg, cluster),
		Observer:        reporter{cluster},
		Memory:          memory,
		Transcoder:      transcoder,
		Pictures:        maker,
	}, stores.Stores, log, broadcast.NewMetrics(reg))
	cluster.OnChange(endRequested(hub))

	hooks, err := openWebhooks(cfg.API, cluster, hub, log, reg)
	if err != nil {
		return nil, err
	}
	limiter := ingest.NewSessionLimiter(cfg.Ingest.Limits, memory, hooks.admitted)
	auth, err := ingest.NewAuthorizer(cfg.Ingest.Publish, limiter, log)
	if err != nil {
		return nil, err
	}
	auth.Keys = newIssuedKeys(cluster)
	certs, err := openCertificates(cfg, log)
	if err != nil {
		return nil, err
	}
	playback, err := openPlaybackKeys(cfg)
	if err != nil {
		return nil, err
	}
	watching := audience.New(cfg.Origin.Proxies(), reg)
	shares := descriptors.Divide(descriptors.Limit())
	reads := origin.NewReadLimiter(shares.Reads, cfg.Origin.Proxies())
	all := directory{hub, stores.probe, watching, reads, cfg.Origin.BasePath}
	mux := http.NewServeMux()
	if most := &cfg.Ingest.Limits.Connections; *most > shares.RTMP {
		log.Warn("ingest.limits.connections was lowered to the available file descriptors: raise their limit (ulimit -n)", "limit", *most, "enough_for", shares.RTMP)
		*most = shares.RTMP
	}
	guard := origin.Guard{Tokens: playback.verifier, Signed: cfg.Origin.Playback == origin.PlaybackSigned, Access: cluster, Grace: cfg.Playlist.Window}
	live := origin.NewHandler(cfg.Origin, hub, guard, watching, reads, log, origin.NewMetrics(reg))
	mux.Handle(origin.Prefix, live)
	sessions := ingest.NewSessions(cfg.Ingest, auth, log, ingest.NewMetrics(reg))
	policy := flags.New(cfg.Rollout, log)
	parts := api.Parts{
		Server: api.Server{
			Version:     version(),
			BasePath:    cfg.Origin.BasePath,
			Ingest:      api.Ingest{RTMP: portOf(addressOf(open.rtmp)), RTMPS: portOf(addressOf(open.rtmps)), WebSocket: cfg.Ingest.WebSocket.Enabled, WHIP: open.whip != nil},
			Recommended: api.Recommend(cfg.Transcode.Ladder, cfg.Ingest.Limits, cfg.Segmenter.SegmentDuration),
			Proxies:     cfg.Origin.Proxies(),
		},
		Directory: all,
		Records:   cluster,
		Rollout:   policy,
		Media:     hub,
		SignAll:   guard.Signed,
		Secret:    playback.secret,
		Stopping:  ctx.Done(),
		Log:       log,
	}
	if playback.signer != nil {
		parts.Signer = playback.signer
	}
	rest, err := api.Register(mux, cfg.API, parts) //nolint:contextcheck // it waits for nothing
	if err != nil {
		return nil, err
	}
	pages, err := web.New(web.Config{
		RTMPPort:   portOf(open.rtmp.Addr().String()),
		Open:       cfg.Ingest.Publish.Open,
		Secure:     securePages(cfg.Origin),
		Window:     cfg.Playlist.Window,
		BasePath:   cfg.Origin.BasePath,
		Poster:     all.poster,
		PosterSize: cfg.Pictures.PosterSize,
		OpenAPI:    cfg.API.Open,
		About:      channels{cluster}.about,
		PublicURL:  rest.PublicURL,
		Version:    version(),
	})
	if err != nil {
		return nil, err
	}
	pages.Register(mux)
	if certs.auto != nil {
		mux.Handle(certificate.ChallengePath, certs.auto.Challenges())
	}

	ready := []admin.Check{
		{Name: "server", Probe: func(context.Context) error {
			if ctx.Err() != nil {
				return errStopping
			}
			return nil
		}},
		{Name: "storage", For: admin.ForIngest, Probe: hub.Archiving},
		{Name: "registry", For: admin.ForIngest, Advisory: !cfg.Registry.Required, Probe: cluster.Connected},
	}
	if bucket != nil {
		ready = append(ready, admin.Check{Name: "bucket_registry", For: admin.ForIngest, Probe: bucket.Other})
	}
	if len(cfg.Transcode.Ladder) > 0 {
		ready = append(ready, admin.Check{Name: "transcode", Advisory: true, Probe: func(context.Context) error {
			if s := transcoder.Status(); !s.Available {
				return errors.New(s.Problem)
			}
			return nil
		}})
	}
	if stores.probe != nil {
		ready = append(ready, admin.Check{Name: "bucket", Advisory: true, Probe: stores.probe.check})
	}
	pagePublishers := websocket.NewServer(cfg.Ingest, websocket.Site{AllowOrigin: rest.AllowsOrigin, Proxies: cfg.Origin.Proxies()}, sessions, log)
	if cfg.Ingest.WebSocket.Enabled {
		mux.Handle(websocket.Path, pagePublishers)
	}
	webRTC, err := openWHIP(cfg, open, rest.AllowsOrigin, sessions, mux, log)
	if err != nil {
		return nil, err
	}
	return &server{
		registry:     cluster,
		webhooks:     hooks.deliverer,
		overdue:      overdue{registry: cluster, log: log},
		bucket:       bucket,
		transcoder:   transcoder,
		pictures:     maker,
		hub:          hub,
		probe:        stores.probe,
		certificates: certs,
		rtmp:         rtmp.NewServer(cfg.Ingest, sessions, log),
		websocket:    pagePublishers,
		whip:         webRTC,
		origin: httpserver.New(cfg.Origin.Config, httpserver.Site{
			Section:    "origin",
			Handler:    live.Before(httpserver.UnderBasePath(cfg.Origin.BasePath, channels{cluster}.before(live.Before(mux)))),
			FastPrefix: origin.Prefix,
			BodyPrefix: "/v1/",
			TLS:        certs.https,
		}, log, httpserver.NewMetrics(reg)),
		admin: httpserver.NewPrivate(shares.Admin, httpserver.Site{
			Section: "admin",
			Handler: admin.Guard(cfg.Admin, admin.NewHandler(reg, ready...)),
		}, log),
		metrics:    reg,
		reloadable: reloadables(auth, limiter, sessions, transcoder, policy, rest), //nolint:contextcheck // it waits for nothing
		close:      stores.close,
	}, nil
}

// errStopping is the readiness error while the server is stopping.
var errStopping = errors.New("golive is stopping")

// securePages returns the URL to which pages are redirected, or "" if they are not.
func securePages(c origin.Config) string {
	if c.TLS.RedirectPages == "" {
		return ""
	}
	return strings.TrimSuffix(c.TLS.RedirectPages, "/") + c.BasePath
}

// portOf returns the port of an address; 0 if it has none.
func portOf(address string) int {
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return 0
	}
	n, err := strconv.Atoi(port)
	if err != nil {
		return 0
	}
	return n
}
