// Command golive is a live-stream ingest and HLS media server.
//
// It parses flags, creates the parts of the server from the configuration and connects them
// (wire.go), and shuts them down in order at a signal. It is the only package that imports
// all others, and does not know how any of them works.
//
// It starts the servers' goroutines and waits for all of them.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"golive/internal/config"
)

const usage = `golive receives live streams over RTMP and serves them as HLS.

  golive serve [--config FILE] [--demo]    run the server; without FILE with the defaults
  golive check-config [--probe] FILE       show the effective configuration, or all its problems;
                                           with --probe, probe its S3 bucket
  golive check [--duration D] [--json] URL follow a stream as a strict player, and list every
                                           rule of HLS that it breaks
  golive publish [--streams N] [--duration D] [--file F.flv] rtmp://HOST/live/NAME
                                           publish a test clip, in real time
  golive archive show [--config FILE] DIR|ID
                                           print the log of a broadcast as a table
  golive token [--config FILE] [--ttl D] ID
                                           print a playback token for a broadcast, the playlist's
                                           URL with it, and the watch page's
  golive broadcasts list|show ID|end ID|watch [ID]
                                           what is live, through the API of a server
  golive keys rotate|revoke ID|@CHANNEL    replace, or revoke, the stream key of a broadcast or a channel
  golive user may-go-live USER             say whether a user may go live, and why
  golive version [--licenses]              print the version, or the licences of everything in golive

golive COMMAND -h explains a command's flags.
`

// errUsage is returned for invalid arguments, after the reason has been printed.
var errUsage = errors.New("usage")

func main() {
	os.Exit(status(os.Args[1:], os.Environ(), os.Stdout, os.Stderr))
}

// status runs a command until it ends or a signal is received, and returns its exit code.
func status(args, env []string, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	// After the first signal the next one has its default effect: it ends the
	// process at once.
	context.AfterFunc(ctx, stop)
	if len(args) > 0 && args[0] == "serve" {
		out := newLogWriter(stderr)
		defer out.Close()
		return exitCode(serve(ctx, args[1:], env, out), out)
	}
	return exitCode(run(ctx, args, env, stdout, stderr), stderr)
}

// exitCode prints the error that a command returned, and returns the exit code for it.
func exitCode(err error, stderr io.Writer) int {
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
		return 0
	case errors.Is(err, errUsage):
		return 2
	}
	report(stderr, err)
	return 1
}

// report prints the error of a command. Problems of a configuration begin with file and line
// in the form that editors recognise.
func report(w io.Writer, err error) {
	if problems, ok := errors.AsType[*config.Error](err); ok {
		fmt.Fprintln(w, problems)
		return
	}
	fmt.Fprintln(w, "golive:", err)
}

// run runs a command other than serve.
func run(ctx context.Context, args, env []string, stdout, stderr io.Writer) error {
	if len(args) == 0 {
		fmt.Fprint(stderr, usage)
		return errUsage
	}
	switch command, rest := args[0], args[1:]; command {
	case "check-config":
		return checkConfig(ctx, rest, env, stdout, stderr)
	case "check":
		return check(ctx, rest, stdout, stderr)
	case "publish":
		return publish(ctx, rest, stderr)
	case "archive":
		return archiveCommand(rest, env, stdout, stderr)
	case "token":
		return token(rest, env, stdout, stderr)
	case "broadcasts", "keys", "user":
		return clientCommand(ctx, command, rest, env, stdout, stderr)
	case "version":
		return printVersion(rest, stdout, stderr)
	case "help", "-h", "--help":
		fmt.Fprint(stdout, usage)
		return nil
	default:
		fmt.Fprintf(stderr, "golive: there is no command %q\n\n%s", command, usage)
		return errUsage
	}
}

// parse reads a command's flags, which may stand before and after its arguments, and checks the
// number of these.
func parse(flags *flag.FlagSet, args []string, stderr io.Writer, least, most int) error {
	flags.SetOutput(stderr)
	arguments := []string{"--"}
	for {
		if err := flags.Parse(args); err != nil {
			if errors.Is(err, flag.ErrHelp) {
				return err
			}
			return errUsage
		}
		if flags.NArg() == 0 {
			break
		}
		arguments, args = append(arguments, flags.Arg(0)), flags.Args()[1:]
	}
	if err := flags.Parse(arguments); err != nil {
		return err
	}
	if n := flags.NArg(); n < least || n > most {
		fmt.Fprintf(stderr, "golive %s: %d arguments given\n", flags.Name(), n)
		flags.Usage()
		return errUsage
	}
	return nil
}
