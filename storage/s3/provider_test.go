package s3

import (
	"slices"
	"testing"

	"golive/storage"
)

func TestProfileOf_KnowsItsProviders(t *testing.T) {
	known := map[string]struct {
		endpoint string
		want     profile
	}{
		"aws":    {"", profile{everyChecksum: true}},
		"minio":  {"https://minio.example.com", profile{pathStyle: true}},
		"r2":     {"https://account.r2.cloudflarestorage.com", profile{}},
		"b2":     {"https://s3.us-west-004.backblazeb2.com", profile{versions: true}},
		"ceph":   {"https://rgw.example.com", profile{pathStyle: true}},
		"custom": {"https://s3.example.com", profile{pathStyle: true}},
	}
	for _, provider := range storage.Providers() {
		cfg := storage.DefaultS3Config()
		cfg.Provider, cfg.Endpoint = provider, known[provider].endpoint
		if got := profileOf(cfg); got != known[provider].want {
			t.Errorf("%s: %+v, want %+v", provider, got, known[provider].want)
		}
	}
	for provider := range known {
		if !slices.Contains(storage.Providers(), provider) {
			t.Errorf("%s cannot be configured", provider)
		}
	}
}

func TestProfileOf_LetsTheConfigurationWin(t *testing.T) {
	tests := map[string]struct {
		change func(*storage.S3Config)
		want   profile
	}{
		"all said against AWS": {func(c *storage.S3Config) {
			c.PathStyle, c.Checksum, c.Delete = storage.SwitchOn, "when_required", "versions"
		}, profile{pathStyle: true, versions: true}},
		"all said against MinIO": {func(c *storage.S3Config) {
			c.Provider, c.Endpoint = "minio", "http://minio.example.com"
			c.PathStyle, c.Checksum, c.Delete = storage.SwitchOff, "when_supported", "object"
		}, profile{everyChecksum: true}},
		"an endpoint with AWS":     {func(c *storage.S3Config) { c.Endpoint = "https://s3.example.com" }, profile{}},
		"an address":               {func(c *storage.S3Config) { c.Endpoint = "http://192.0.2.1:9000" }, profile{pathStyle: true}},
		"an IPv6 address":          {func(c *storage.S3Config) { c.Endpoint = "http://[2001:db8::1]:9000" }, profile{pathStyle: true}},
		"a name without a domain":  {func(c *storage.S3Config) { c.Endpoint = "http://minio:9000" }, profile{pathStyle: true}},
		"an address, and told not": {func(c *storage.S3Config) { c.Endpoint, c.PathStyle = "http://192.0.2.1", storage.SwitchOff }, profile{}},
	}
	for name, test := range tests {
		cfg := storage.DefaultS3Config()
		test.change(&cfg)
		if got := profileOf(cfg); got != test.want {
			t.Errorf("%s: %+v, want %+v", name, got, test.want)
		}
	}
}
