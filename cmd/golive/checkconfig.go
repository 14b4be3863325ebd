package main

import (
	"context"
	"flag"
	"io"

	"golive/internal/config"
)

// checkConfig prints the effective configuration, or all its problems.
func checkConfig(ctx context.Context, args, env []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("check-config", flag.ContinueOnError)
	probes := flags.Bool("probe", false, "probe the bucket of storage.s3 as serve does")
	if err := parse(flags, args, stderr, 1, 1); err != nil {
		return err
	}
	loaded, err := config.Load(config.Input{File: flags.Arg(0), Env: env})
	if err != nil {
		return err
	}
	if err := loaded.Dump(stdout); err != nil || !*probes {
		return err
	}
	return probe(ctx, loaded.Config, stdout)
}
