package main

import (
	"log/slog"
	"net/http"

	"golive/ingest"
	"golive/ingest/whip"
	"golive/internal/config"
)

// openWHIP returns the server of WHIP, whose addresses it adds to mux, or nil when it is off.
func openWHIP(cfg config.Config, open listeners, allowOrigin func(string) bool, sessions *ingest.Sessions, mux *http.ServeMux, log *slog.Logger) (*whip.Server, error) {
	if open.whip == nil {
		return nil, nil
	}
	s, err := whip.NewServer(cfg.Ingest, whip.Options{
		FFmpeg:      cfg.Transcode.FFmpeg,
		BasePath:    cfg.Origin.BasePath,
		AllowOrigin: allowOrigin,
		Proxies:     cfg.Origin.Proxies(),
	}, sessions, log)
	if err != nil {
		return nil, err
	}
	s.Register(mux)
	return s, nil
}
