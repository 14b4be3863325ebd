package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"text/tabwriter"
	"time"

	"golive/archive"
	"golive/internal/config"
)

// archiveCommand prints the log of a broadcast as a table.
func archiveCommand(args, env []string, stdout, stderr io.Writer) error {
	if len(args) == 0 || args[0] != "show" {
		fmt.Fprint(stderr, "golive archive: write golive archive show DIR|ID\n")
		return errUsage
	}
	flags := flag.NewFlagSet("archive show", flag.ContinueOnError)
	file := flags.String("config", "", "configuration `file` with the storage settings, to find the broadcast with that ID")
	if err := parse(flags, args[1:], stderr, 1, 1); err != nil {
		return err
	}
	folder := flags.Arg(0)
	if info, err := os.Stat(folder); err != nil || !info.IsDir() {
		loaded, err := config.Load(config.Input{File: *file, Env: env})
		if err != nil {
			return err
		}
		folder = filepath.Join(localFolder(loaded.Config), prefixOf(loaded.Config.Storage), folder)
	}
	return showLogs(stdout, folder)
}

// showLogs prints every page of the logs below the folder.
func showLogs(w io.Writer, folder string) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	pages := 0
	below := os.DirFS(folder)
	err := fs.WalkDir(below, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || path.Ext(name) != ".jsonl" {
			return err
		}
		text, err := fs.ReadFile(below, name)
		if err != nil {
			return err
		}
		pages++
		page, err := archive.ParsePage(0, text)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		showPage(table, name, page)
		return nil
	})
	if err == nil && pages == 0 {
		err = fmt.Errorf("no log below %s", folder)
	}
	if err != nil {
		err = fmt.Errorf("show %s: %w", folder, err)
	}
	return errors.Join(err, table.Flush())
}

func showPage(w io.Writer, name string, page archive.Page) {
	fmt.Fprintf(w, "# %s", name)
	if h := page.Header; h != nil {
		fmt.Fprintf(w, ": %s (%s), began %s", h.Broadcast, h.Token, h.Began.Format(time.RFC3339))
	}
	if page.Damaged > 0 {
		fmt.Fprintf(w, ", %d lines damaged", page.Damaged)
	}
	fmt.Fprintln(w)
	for _, r := range page.Records {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", r.At.Format("2006-01-02T15:04:05.000Z"), r.Kind, r.Rendition, details(&r))
	}
}

// details returns the fields of a record other than its time, kind and rendition.
func details(r *archive.Record) string {
	switch {
	case r.Segment != nil:
		s := fmt.Sprintf("%s\t%.3f s\t%d bytes", r.Segment.Media().Name(), r.Duration.Seconds(), r.Size)
		if r.Discontinuity {
			s += "\tdiscontinuity"
		}
		return s
	case r.Description != nil:
		return fmt.Sprintf("target %d s\t%s %s\t%dx%d", r.Target, r.Video, r.Audio, r.Width, r.Height)
	case r.Through != nil && r.Reason != "":
		return fmt.Sprintf("%d\t%s", *r.Through, r.Reason)
	case r.Through != nil:
		return fmt.Sprint(*r.Through)
	}
	return r.Published + r.Reason
}
