package s3

import (
	"slices"
	"testing"
	"time"

	"golive/storage"
)

func TestProfileOf_HasTheProfileOfEachProvider(t *testing.T) {
	known := map[string]struct {
		endpoint string
		want     profile
	}{
		"aws":    {"", profile{alwaysChecksum: true}},
		"minio":  {"https://minio.example.com", profile{pathStyle: true}},
		"gcs":    {"https://storage.googleapis.com", profile{pathStyle: true, putInterval: time.Second, transcodes: true}},
		"r2":     {"https://account.r2.cloudflarestorage.com", profile{putInterval: time.Second}},
		"b2":     {"https://s3.us-west-004.backblazeb2.com", profile{versions: true}},
		"ceph":   {"https://rgw.example.com", profile{pathStyle: true}},
		"custom": {"https://s3.example.com", profile{pathStyle: true}},
	}
	for _, provider := range storage.Providers() {
		cfg := storage.DefaultS3Config()
		cfg.Provider, cfg.Endpoint = provider, known[provider].endpoint
		want := known[provider].want
		want.endpoint = cfg.Endpoint
		if got := profileOf(cfg); got != want {
			t.Errorf("%s: %+v, want %+v", provider, got, want)
		}
	}
	for provider := range known {
		if !slices.Contains(storage.Providers(), provider) {
			t.Errorf("%s cannot be configured", provider)
		}
	}
}

func TestProfileOf_PrefersTheConfiguration(t *testing.T) {
	tests := map[string]struct {
		change func(*storage.S3Config)
		want   profile
	}{
		"every setting changed for AWS": {func(c *storage.S3Config) {
			c.PathStyle, c.Checksum, c.Delete = storage.SwitchOn, "when_required", "versions"
		}, profile{pathStyle: true, versions: true}},
		"every setting changed for MinIO": {func(c *storage.S3Config) {
			c.Provider, c.Endpoint = "minio", "http://minio.example.com"
			c.PathStyle, c.Checksum, c.Delete = storage.SwitchOff, "when_supported", "object"
		}, profile{alwaysChecksum: true}},
		"Google without an endpoint": {func(c *storage.S3Config) { c.Provider = "gcs" }, profile{
			endpoint: "https://storage.googleapis.com", pathStyle: true, putInterval: time.Second, transcodes: true,
		}},
		"an interval": {func(c *storage.S3Config) { c.PutInterval = storage.PutInterval(3 * time.Second) }, profile{alwaysChecksum: true, putInterval: 3 * time.Second}},
		"no interval at R2": {func(c *storage.S3Config) {
			c.Provider, c.Endpoint, c.PutInterval = "r2", "https://a.r2.cloudflarestorage.com", 0
		}, profile{}},
		"an endpoint with AWS":           {func(c *storage.S3Config) { c.Endpoint = "https://s3.example.com" }, profile{}},
		"an address":                     {func(c *storage.S3Config) { c.Endpoint = "http://192.0.2.1:9000" }, profile{pathStyle: true}},
		"an IPv6 address":                {func(c *storage.S3Config) { c.Endpoint = "http://[2001:db8::1]:9000" }, profile{pathStyle: true}},
		"a name without a domain":        {func(c *storage.S3Config) { c.Endpoint = "http://minio:9000" }, profile{pathStyle: true}},
		"an address, without path style": {func(c *storage.S3Config) { c.Endpoint, c.PathStyle = "http://192.0.2.1", storage.SwitchOff }, profile{}},
	}
	for name, test := range tests {
		cfg := storage.DefaultS3Config()
		test.change(&cfg)
		if test.want.endpoint == "" {
			test.want.endpoint = cfg.Endpoint
		}
		if got := profileOf(cfg); got != test.want {
			t.Errorf("%s: %+v, want %+v", name, got, test.want)
		}
	}
}
