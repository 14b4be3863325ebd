package main

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"syscall"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"golive/admin"
	"golive/httpserver"
	"golive/ingest"
	"golive/ingest/rtmp"
	"golive/media"
)

// drain is a PublishHandler and a Sink that drops everything.
type drain struct{ live prometheus.Gauge }

func (d drain) Publish(context.Context, string, ingest.Publisher) (ingest.Sink, error) {
	d.live.Inc()
	return d, nil
}

func (d drain) WriteUnit(media.AccessUnit) error { return nil }

func (d drain) Close(error) { d.live.Dec() }

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "floor:", err)
		os.Exit(1)
	}
}

func run() error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError}))
	reg := prometheus.NewRegistry()
	stage := drain{live: prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "golive_broadcast_broadcasts",
		Help: "Streams that are being read.",
	})}
	reg.MustRegister(stage.live)
	auth, err := ingest.NewAuthorizer(ingest.PublishConfig{Open: true}, stage, log)
	if err != nil {
		return err
	}
	var open net.ListenConfig
	in, err := open.Listen(ctx, "tcp", os.Getenv("GOLIVE_INGEST_RTMP_LISTEN"))
	if err != nil {
		return err
	}
	out, err := open.Listen(ctx, "tcp", os.Getenv("GOLIVE_ADMIN_LISTEN"))
	if err != nil {
		return err
	}
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		cfg := ingest.DefaultConfig()
		return rtmp.NewServer(cfg, ingest.NewSessions(cfg, auth, log, ingest.NewMetrics(reg)), log).Serve(ctx, in)
	})
	g.Go(func() error {
		return httpserver.NewPrivate(0, httpserver.Site{Section: "admin", Handler: admin.NewHandler(reg)}, log).Serve(ctx, out)
	})
	return g.Wait()
}
