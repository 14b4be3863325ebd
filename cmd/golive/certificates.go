package main

import (
	"crypto/tls"
	"fmt"
	"log/slog"

	"golive/internal/certificate"
	"golive/internal/config"
)

// certificates are what the doors inside TLS listen with, nil for those that are
// off.
type certificates struct {
	rtmps, https *tls.Config
}

// openCertificates reads the certificates of all doors.
func openCertificates(cfg config.Config, log *slog.Logger) (c certificates, err error) {
	for _, door := range []struct {
		key, protocol, listen, certFile, keyFile string
		into                                     **tls.Config
	}{
		{"ingest.rtmps", "rtmps", cfg.Ingest.RTMPS.Listen, cfg.Ingest.RTMPS.CertFile, cfg.Ingest.RTMPS.KeyFile, &c.rtmps},
		{"origin.tls", "https", cfg.Origin.TLS.Listen, cfg.Origin.TLS.CertFile, cfg.Origin.TLS.KeyFile, &c.https},
	} {
		if door.listen == "" {
			continue
		}
		files, err := certificate.Open(door.certFile, door.keyFile, log.With("protocol", door.protocol))
		if err != nil {
			return certificates{}, fmt.Errorf("%s: %w", door.key, err)
		}
		*door.into = files.Config()
	}
	return c, nil
}
