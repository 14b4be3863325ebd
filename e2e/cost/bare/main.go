// Command bare is a bare reader of RTMP: the least that any RTMP server must do. It reads and
// parses chunks into a buffer that it reuses, and drops the messages. It shares no code
// with golive's ingest, whose cost is part of what the cost benchmark measures.
//
// Command bare does not know segments, playlists, storage, or what a message holds.
//
// It starts a goroutine for each server and connection and waits for them.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"syscall"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"golive/admin"
	"golive/httpserver"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "bare:", err)
		os.Exit(1)
	}
}

func run() error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError}))
	// Metrics with the names that golive has: the benchmark reads them of both.
	reg := prometheus.NewRegistry()
	live := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "golive_broadcast_broadcasts",
		Help: "Streams that are being read.",
	})
	received := prometheus.NewCounter(prometheus.CounterOpts{
		Name: "golive_ingest_received_bytes_total",
		Help: "Bytes read.",
	})
	reg.MustRegister(live, received)
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
	g.Go(func() error { return accept(ctx, in, received, live, log) })
	g.Go(func() error {
		return httpserver.NewPrivate(0, httpserver.Site{Section: "admin", Handler: admin.NewHandler(reg)}, log).Serve(ctx, out)
	})
	return g.Wait()
}

// accept reads every connection until ctx is done.
func accept(ctx context.Context, in net.Listener, received prometheus.Counter, live prometheus.Gauge, log *slog.Logger) error {
	g, ctx := errgroup.WithContext(ctx)
	context.AfterFunc(ctx, func() { _ = in.Close() })
	for {
		conn, err := in.Accept()
		if err != nil {
			break
		}
		g.Go(func() error {
			stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
			defer stop()
			defer func() { _ = conn.Close() }()
			if err := newReader(conn, received, live).run(); err != nil && !errors.Is(err, io.EOF) && ctx.Err() == nil {
				log.Error("connection ended", "error", err)
			}
			return nil
		})
	}
	return g.Wait()
}
