package main

import (
	"bytes"
	"context"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"golive/archive"
	"golive/media"
	"golive/storage/disk"
)

func TestArchiveShow_PrintsALogByFolderAndByID(t *testing.T) {
	data := t.TempDir()
	files, err := disk.New(filepath.Join(data, "media"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = files.Close() }()
	store := archive.NewStore(files, archive.Config{Layout: archive.Layout{Prefix: "live"}, Window: time.Minute},
		slog.New(slog.DiscardHandler), archive.NewMetrics(prometheus.NewRegistry()))
	began := time.Date(2026, 11, 28, 2, 0, 0, 0, time.UTC)
	rec := store.NewRecording(archive.Meta{Broadcast: "studio", Token: "T1", Began: began}, func(string, *archive.Segment) {}, slog.New(slog.DiscardHandler))
	rec.Describe("source", archive.Description{Target: 2, Video: "avc1.64001f", Width: 640, Height: 360})
	rec.Offer("source", &media.Segment{
		Publication: "PUB1", MSN: 7, Duration: 2 * media.Second, Size: 3, ProgramDateTime: began, Discontinuity: true,
		Parts: []*media.Part{{Data: []byte("abc"), Size: 3}},
	})
	rec.End(began.Add(time.Hour), "unpublished")
	done, stop := context.WithCancel(t.Context())
	stop()
	if err := rec.Run(done); err != nil {
		t.Fatal(err)
	}
	env := []string{"GOLIVE_DATA_DIR=" + data}
	for _, arg := range []string{filepath.Join(data, "media/live/studio"), "studio"} {
		var out, errs bytes.Buffer
		if code := status([]string{"archive", "show", arg}, env, &out, &errs); code != 0 {
			t.Errorf("%s: exit %d: %s", arg, code, errs.String())
		}
		for _, want := range []string{"studio (T1)", "PUB1-7.ts", "2.000 s", "3 bytes", "discontinuity", "640x360", "unpublished"} {
			if !strings.Contains(out.String(), want) {
				t.Errorf("%s: no %q in\n%s", arg, want, out.String())
			}
		}
	}
	var out, errs bytes.Buffer
	if code := status([]string{"archive", "show", "nobody"}, env, &out, &errs); code != 1 || !strings.Contains(errs.String(), "nobody") {
		t.Errorf("exit %d: %s", code, errs.String())
	}
}
