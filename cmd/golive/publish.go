package main

import (
	"context"
	"flag"
	"io"
	"log/slog"
	"os"

	"golive/internal/clip"
	"golive/internal/publisher"
)

// publish returns the test publisher.
func publish(ctx context.Context, args []string, stderr io.Writer) error {
	flags := flag.NewFlagSet("publish", flag.ContinueOnError)
	streams := flags.Int("streams", 1, "how many streams to publish at once; with several, -1, -2, … is added to the name")
	duration := flags.Duration("duration", 0, "how long to publish; 0 until interrupted")
	file := flags.String("file", "", "FLV `file` to publish in a loop instead of the built-in clip")
	if err := parse(flags, args, stderr, 1, 1); err != nil {
		return err
	}
	source := clip.FLV()
	if *file != "" {
		content, err := os.ReadFile(*file)
		if err != nil {
			return err
		}
		source = content
	}
	cfg := publisher.DefaultConfig()
	cfg.URL, cfg.Streams, cfg.Duration, cfg.Source = flags.Arg(0), *streams, *duration, source
	return publisher.Run(ctx, cfg, slog.New(slog.NewTextHandler(stderr, nil)))
}
