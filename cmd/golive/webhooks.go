package main

import (
	"log/slog"

	"github.com/prometheus/client_golang/prometheus"

	"golive/api"
	"golive/api/webhook"
	"golive/broadcast"
	"golive/ingest"
	"golive/registry"
)

// webhooks are what an app's server is told, and asked.
type webhooks struct {
	deliverer *webhook.Deliverer
	// admitted gets the publishers whom the admission webhook allows, and passes them to the Hub.
	admitted ingest.PublishHandler
}

func openWebhooks(cfg api.Config, cluster *registry.Registry, hub *broadcast.Hub, log *slog.Logger, reg prometheus.Registerer) (w webhooks, err error) {
	metrics := webhook.NewMetrics(reg)
	if w.deliverer, err = webhook.NewDeliverer(cfg.Webhooks, cluster, log, metrics); err != nil {
		return w, err
	}
	w.admitted = hub
	if cfg.Admission.URL != "" {
		w.admitted, err = webhook.NewGate(cfg.Admission, cluster, hub, log, metrics)
	}
	return w, err
}
