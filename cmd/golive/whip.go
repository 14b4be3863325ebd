package main

import (
	"log/slog"
	"net/http"

	"golive/ingest"
	"golive/ingest/whip"
	"golive/internal/config"
)

// openWHIP returns the server of WHIP and the path of its address, which it adds to mux; nil and ""
// when it is off.
func openWHIP(cfg config.Config, open listeners, sessions *ingest.Sessions, mux *http.ServeMux, log *slog.Logger) (*whip.Server, string, error) {
	if open.whip == nil {
		return nil, "", nil
	}
	s, err := whip.NewServer(cfg.Ingest, whip.Options{
		FFmpeg:   cfg.Transcode.FFmpeg,
		BasePath: cfg.Origin.BasePath,
		Proxies:  cfg.Origin.Proxies(),
	}, cfg.API.CORSOrigins, sessions, log)
	if err != nil {
		return nil, "", err
	}
	s.Register(mux)
	return s, whip.Path, nil
}
