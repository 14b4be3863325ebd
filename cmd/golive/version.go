package main

import (
	"flag"
	"fmt"
	"io"
	"runtime/debug"

	"golive/internal/notices"
)

// printVersion prints the version, or the licences of everything in the binary.
func printVersion(args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("version", flag.ContinueOnError)
	licenses := flags.Bool("licenses", false, "print the licences of all software in golive")
	if err := parse(flags, args, stderr, 0, 0); err != nil {
		return err
	}
	if *licenses {
		_, err := io.WriteString(stdout, notices.Text())
		return err
	}
	_, err := fmt.Fprintln(stdout, "golive", version())
	return err
}

// version returns the module's version, or the commit that it was built from.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	if v := info.Main.Version; v != "" && v != "(devel)" {
		return v
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && len(s.Value) >= 12 {
			return s.Value[:12]
		}
	}
	return "devel"
}
