package main

import (
	"context"
	"encoding/json"
	"flag"
	"io"
	"time"

	"golive/internal/hlscheck"
)

// check follows a stream as a strict player, and fails if the stream breaks a rule or cannot
// be followed.
func check(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("check", flag.ContinueOnError)
	duration := flags.Duration("duration", 30*time.Second, "how long to follow a stream that does not end; 0 until interrupted")
	asJSON := flags.Bool("json", false, "print the report as JSON")
	insecure := flags.Bool("insecure", false, "accept any certificate")
	if err := parse(flags, args, stderr, 1, 1); err != nil {
		return err
	}
	if *duration > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, *duration)
		defer cancel()
	}
	client := hlscheck.NewClient(*insecure)
	defer client.CloseIdleConnections()
	report := hlscheck.Check(ctx, client, flags.Arg(0))
	if err := printReport(stdout, report, *asJSON); err != nil {
		return err
	}
	return report.Err()
}

func printReport(w io.Writer, report *hlscheck.Report, asJSON bool) error {
	if !asJSON {
		return report.WriteText(w)
	}
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(report)
}
