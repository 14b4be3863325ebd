package main

import (
	"flag"
	"io"

	"golive/internal/config"
)

// checkConfig prints the effective configuration, or every problem of it.
func checkConfig(args, env []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("check-config", flag.ContinueOnError)
	if err := parse(flags, args, stderr, 1, 1); err != nil {
		return err
	}
	return config.Check(stdout, config.Input{File: flags.Arg(0), Env: env})
}
