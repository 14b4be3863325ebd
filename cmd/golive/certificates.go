package main

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"path/filepath"

	"golive/ingest"
	"golive/internal/certificate"
	"golive/internal/config"
)

// certificates holds the TLS configurations of the listeners, nil for those that are off.
type certificates struct {
	rtmps, https *tls.Config
	auto         *certificate.Auto // nil if the certificate of https comes from files
}

// openCertificates opens the certificates of all listeners.
func openCertificates(cfg config.Config, log *slog.Logger) (c certificates, err error) {
	if cfg.Ingest.RTMPS.Listen != "" {
		if c.rtmps, err = openRTMPS(cfg.Ingest.RTMPS, log.With("protocol", "rtmps")); err != nil {
			return certificates{}, fmt.Errorf("ingest.rtmps: %w", err)
		}
	}
	if cfg.Origin.TLS.Listen != "" {
		if c.https, c.auto, err = openHTTPS(cfg, log.With("protocol", "https")); err != nil {
			return certificates{}, fmt.Errorf("origin.tls: %w", err)
		}
	}
	return c, nil
}

func openRTMPS(cfg ingest.RTMPSConfig, log *slog.Logger) (*tls.Config, error) {
	files, err := certificate.Open(cfg.CertFile, cfg.KeyFile, log)
	if err != nil {
		return nil, err
	}
	return files.Config(), nil
}

func openHTTPS(cfg config.Config, log *slog.Logger) (*tls.Config, *certificate.Auto, error) {
	c := cfg.Origin.TLS
	if len(c.Auto.Domains) == 0 {
		files, err := certificate.Open(c.CertFile, c.KeyFile, log)
		if err != nil {
			return nil, nil, err
		}
		return files.Config(), nil, nil
	}
	auto, err := certificate.OpenAuto(certificate.AutoConfig{
		Domains:   c.Auto.Domains,
		Email:     c.Auto.Email,
		Directory: c.Auto.Directory,
		CAFile:    c.Auto.CAFile,
		Folder:    filepath.Join(cfg.DataDir, "certificates"),
	}, log)
	if err != nil {
		return nil, nil, fmt.Errorf("auto: %w", err)
	}
	return auto.Config(), auto, nil
}
