package main

import (
	"context"
	"crypto/rand"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"golive/ingest"
	"golive/internal/clip"
	"golive/internal/config"
	"golive/internal/publisher"
	"golive/internal/setting"
)

// playerLinger is how long players can still load the end of the broadcasts when the server
// stops.
const playerLinger = 2 * time.Second

// demoID is the id of the broadcast that --demo publishes.
const demoID = "demo"

// serve runs the server until ctx is done. It logs to stderr.
func serve(ctx context.Context, args, env []string, stderr *logWriter) error {
	caught := catchSignals()
	flags := flag.NewFlagSet("serve", flag.ContinueOnError)
	file := flags.String("config", "", "configuration `file`; without one the defaults apply")
	demo := flags.Bool("demo", false, "publish the built-in clip as the broadcast \""+demoID+"\"")
	if err := parse(flags, args, stderr, 0, 0); err != nil {
		return err
	}
	read := statOf(*file) // before it is read, so that no change is missed
	loaded, err := config.Load(config.Input{File: *file, Env: env})
	if err != nil {
		return err
	}
	cfg := loaded.Config
	level := new(slog.LevelVar)
	level.Set(cfg.Log.SlogLevel())
	log := slog.New(cfg.Log.Handler(stderr, level))
	for _, w := range loaded.Warnings {
		log.Warn("configuration", "reason", w)
	}
	demoKey := demoID
	if *demo && !cfg.Ingest.Publish.Open {
		demoKey = rand.Text()
		cfg = withKey(cfg, demoID, demoKey)
	}
	hangups := make(chan struct{}, 1)
	defer runInBackground(ctx,
		func(ctx context.Context) { handleSignals(ctx, caught, hangups, log) },
		func(ctx context.Context) { stderr.logLost(ctx, log) },
		tuneGC,
	)()
	locks, err := lockFolders(cfg, log)
	if err != nil {
		return err
	}
	defer func() {
		if err := locks.release(); err != nil {
			log.Warn("lock release failed", "err", err)
		}
	}()
	open, err := listen(ctx, cfg)
	if err != nil {
		return err
	}
	srv, err := wire(ctx, cfg, open, log)
	if err != nil {
		open.close()
		return err
	}
	srv.metrics.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{
		Name: "golive_log_lost_lines_total",
		Help: "Log lines that the reader of the log did not take.",
	}, func() float64 { return float64(stderr.Lost()) }))
	defer func() {
		if err := srv.close(); err != nil {
			log.Warn("storage close failed", "err", err)
		}
	}()
	if err := srv.hub.Restore(ctx); err != nil {
		// Storage may recover; new broadcasts are more important.
		log.Error("restore failed", "err", err)
	}
	if cfg.Storage.S3.Required && len(srv.hub.List()) == 0 {
		if err := srv.probe.require(ctx); err != nil {
			open.close()
			return err
		}
	}
	again := reloader{file: *file, read: read, running: cfg, log: log, sections: []reloadable{
		{[]string{"log.level"}, func(c config.Config) error { level.Set(c.Log.SlogLevel()); return nil }},
	}, load: func() (config.Config, error) {
		loaded, err := config.Load(config.Input{File: *file, Env: env, Reload: true})
		switch {
		case err != nil:
			return config.Config{}, err
		case demoKey != demoID && !loaded.Config.Ingest.Publish.Open:
			return withKey(loaded.Config, demoID, demoKey), nil
		}
		return loaded.Config, nil
	}}
	again.sections = append(again.sections, srv.reloadable...)
	defer runInBackground(ctx, func(ctx context.Context) { again.run(ctx, hangups) })()
	log.Info("golive started", "version", version(), "rtmp", addressOf(open.rtmp), "rtmps", addressOf(open.rtmps),
		"http", addressOf(open.http), "https", addressOf(open.https), "admin", addressOf(open.admin), "storage", cfg.Storage.Backend)
	defer context.AfterFunc(ctx, func() { log.Info("golive stopping", "hint", "a second signal ends it immediately") })()
	demoPublisher := func(context.Context) {}
	if *demo {
		url := fmt.Sprintf("rtmp://127.0.0.1:%d/live/%s", portOf(open.rtmp.Addr().String()), demoKey)
		demoPublisher = func(ctx context.Context) { publishDemo(ctx, url, portOf(open.http.Addr().String()), log) }
	}
	err = srv.run(ctx, open, demoPublisher)
	log.Info("golive stopped")
	return err
}

// withKey returns the configuration with one more stream key.
func withKey(cfg config.Config, id, key string) config.Config {
	cfg.Ingest.Publish.Keys = append(slices.Clone(cfg.Ingest.Publish.Keys), ingest.KeyConfig{ID: id, Key: setting.NewSecret(key)})
	return cfg
}

// runInBackground runs functions in the background until stop is called, which waits for them.
// They are not stopped when ctx is done, since the server shuts down after that.
func runInBackground(ctx context.Context, functions ...func(context.Context)) (stop func()) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	var running sync.WaitGroup
	for _, f := range functions {
		running.Go(func() { f(ctx) })
	}
	return func() {
		cancel()
		running.Wait()
	}
}

// listeners holds the open listeners.
type listeners struct {
	rtmp  net.Listener
	rtmps net.Listener // nil when it is off
	http  net.Listener
	https net.Listener // nil when it is off
	admin net.Listener
	whip  net.PacketConn // nil when it is off
}

// close closes the open listeners.
func (l listeners) close() {
	for _, ln := range []net.Listener{l.rtmp, l.rtmps, l.http, l.https, l.admin} {
		if ln != nil {
			_ = ln.Close()
		}
	}
	if l.whip != nil {
		_ = l.whip.Close()
	}
}

// addressOf returns the address of a listener, or "off" if it is nil.
func addressOf(ln net.Listener) string {
	if ln == nil {
		return "off"
	}
	return ln.Addr().String()
}

// listen opens all listeners, or none if one of them fails.
func listen(ctx context.Context, cfg config.Config) (listeners, error) {
	var all listeners
	for _, l := range []struct {
		key, address string
		listener     *net.Listener
	}{
		{"ingest.rtmp.listen", cfg.Ingest.RTMP.Listen, &all.rtmp},
		{"ingest.rtmps.listen", cfg.Ingest.RTMPS.Listen, &all.rtmps},
		{"origin.listen", cfg.Origin.Listen, &all.http},
		{"origin.tls.listen", cfg.Origin.TLS.Listen, &all.https},
		{"admin.listen", cfg.Admin.Listen, &all.admin},
	} {
		if l.address == "" && (l.listener == &all.rtmps || l.listener == &all.https) {
			continue
		}
		ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", l.address)
		if err != nil {
			all.close()
			return listeners{}, fmt.Errorf("%s: %w (is another golive running? choose another port)", l.key, err)
		}
		*l.listener = ln
	}
	if address := cfg.Ingest.WHIP.Listen; address != "" {
		conn, err := (&net.ListenConfig{}).ListenPacket(ctx, "udp", address)
		if err != nil {
			all.close()
			return listeners{}, fmt.Errorf("ingest.whip.listen: %w (is another golive running? choose another port)", err)
		}
		all.whip = conn
	}
	return all, nil
}

// run serves until ctx is done, then shuts down in order: first publishers, then every
// broadcast, whose end is stored, and players last. demoPublisher runs beside the servers until
// they end.
func (s *server) run(ctx context.Context, open listeners, demoPublisher func(context.Context)) error {
	front, frontCtx := errgroup.WithContext(ctx)
	players, stopPlayers := context.WithCancel(context.WithoutCancel(ctx))
	defer stopPlayers()
	back, backCtx := errgroup.WithContext(players)

	back.Go(func() error { return s.origin.Serve(backCtx, open.http) })
	if open.https != nil {
		back.Go(func() error { return s.origin.ServeTLS(backCtx, open.https) })
	}
	if s.certificates.auto != nil {
		back.Go(func() error { return s.certificates.auto.Run(backCtx) })
	}
	back.Go(func() error { return s.admin.Serve(backCtx, open.admin) })
	back.Go(func() error { return s.webhooks.Run(backCtx) })
	front.Go(func() error { s.overdue.run(frontCtx); return nil })
	back.Go(func() error { return s.registry.Run(backCtx) }) // until the Hub has released its leases
	front.Go(func() error { return s.rtmp.Serve(frontCtx, open.rtmp) })
	if open.rtmps != nil {
		front.Go(func() error { return s.rtmp.ServeTLS(frontCtx, open.rtmps, s.certificates.rtmps) })
	}
	front.Go(func() error { return s.websocket.Run(frontCtx) })
	if s.whip != nil {
		front.Go(func() error { return s.whip.Serve(frontCtx, open.whip) })
	}
	back.Go(func() error { return s.transcoder.Run(backCtx) }) // until the Hub has ended its jobs
	if s.pictures != nil {
		back.Go(func() error { return s.pictures.Run(backCtx) })
	}
	front.Go(func() error { return s.hub.Run(frontCtx) })
	front.Go(func() error { s.probe.run(frontCtx); return nil })
	if s.bucket != nil {
		front.Go(func() error { return s.bucket.Run(frontCtx, s.hub.Live) })
	}
	front.Go(func() error { demoPublisher(frontCtx); return nil })
	front.Go(func() error { // if an HTTP server fails, stop the rest
		select {
		case <-backCtx.Done():
			return context.Cause(backCtx)
		case <-frontCtx.Done():
			return nil
		}
	})
	frontErr := front.Wait()
	if s.hub.Ended() {
		select {
		case <-time.After(playerLinger):
		case <-backCtx.Done():
		}
	}
	stopPlayers()
	if err := back.Wait(); err != nil {
		return err
	}
	return frontErr
}

// publishDemo publishes the built-in clip to this server until ctx is done.
func publishDemo(ctx context.Context, url string, httpPort int, log *slog.Logger) {
	log.Info("demo started", "watch", "http://localhost:"+strconv.Itoa(httpPort)+"/watch/"+demoID)
	for ctx.Err() == nil {
		err := publisher.Run(ctx, publisher.Config{URL: url, Streams: 1, Source: clip.FLV()}, log.With("broadcast", demoID))
		if err != nil && ctx.Err() == nil {
			log.Warn("demo stopped", "err", err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(time.Second):
		}
	}
}
