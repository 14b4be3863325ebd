package main

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"golive/broadcast"
	"golive/internal/config"
	"golive/registry"
)

// ownership tells the Hub what the registry knows.
type ownership struct {
	*registry.Registry
	sweeper *registry.Lease // nil where no other node has the bucket
}

// newOwnership claims the sweeper's lease where several nodes may have the bucket.
func newOwnership(cfg config.Config, r *registry.Registry) ownership {
	o := ownership{Registry: r}
	if cfg.Storage.Backend == "s3" {
		o.sweeper = r.Task("sweeper-" + bucketToken(cfg))
	}
	return o
}

// bucketToken names the bucket among those that nodes of one registry may have.
func bucketToken(cfg config.Config) string {
	c := cfg.Storage.S3
	sum := sha256.Sum256([]byte(strings.Join([]string{c.Endpoint, c.Bucket, c.Prefix}, "\n")))
	return hex.EncodeToString(sum[:8])
}

// Claim implements broadcast.Ownership.
func (o ownership) Claim(id string, open bool) broadcast.Lease { return o.Registry.Claim(id, open) }

// MaySweep implements broadcast.Ownership.
func (o ownership) MaySweep() bool { return o.sweeper == nil || o.sweeper.Held() }
