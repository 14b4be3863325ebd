package main

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"golive/broadcast"
	"golive/internal/config"
	"golive/registry"
)

// ownership is the registry as the Hub's Ownership.
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

// bucketToken returns a name of the bucket that is the same on all nodes of one registry.
func bucketToken(cfg config.Config) string {
	c := cfg.Storage.S3
	sum := sha256.Sum256([]byte(strings.Join([]string{c.Endpoint, c.Bucket, c.Prefix}, "\n")))
	return hex.EncodeToString(sum[:8])
}

// Claim implements broadcast.Ownership.
func (o ownership) Claim(id string, open bool) broadcast.Lease { return o.Registry.Claim(id, open) }

// MaySweep implements broadcast.Ownership.
func (o ownership) MaySweep() bool { return o.sweeper == nil || o.sweeper.Held() }
