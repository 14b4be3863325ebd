package storage

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"golive/internal/setting"
)

// Providers returns the names of the stores with a profile; "custom" is any other.
func Providers() []string { return []string{"aws", "gcs", "minio", "r2", "b2", "ceph", "custom"} }

// Auto is the value of a setting that leaves the choice to the provider's profile.
const Auto = "auto"

// Switch is "true", "false" or "auto", as the file has it without quotes.
type Switch uint8

// The values of a Switch.
const (
	SwitchAuto Switch = iota
	SwitchOff
	SwitchOn
)

func switchWords() []string { return []string{SwitchAuto: Auto, SwitchOff: "false", SwitchOn: "true"} }

// UnmarshalText reads s from text.
func (s *Switch) UnmarshalText(text []byte) error {
	i := slices.Index(switchWords(), string(text))
	if i < 0 {
		return fmt.Errorf("must be true, false or auto, not %q", text)
	}
	*s = Switch(i)
	return nil
}

// MarshalText returns the word for s.
func (s Switch) MarshalText() ([]byte, error) { return []byte(switchWords()[s]), nil }

// S3Config is an S3-compatible bucket, and how to talk to its provider. Where a key is
// "auto" the provider's profile decides.
type S3Config struct {
	// Provider is one of Providers.
	Provider string `yaml:"provider"`
	// Endpoint is the store's URL; empty is Amazon's of the region.
	Endpoint string `yaml:"endpoint"`
	// Region is the region for which requests are signed.
	Region string `yaml:"region"`
	// Bucket is the bucket's name. It must exist.
	Bucket string `yaml:"bucket"`
	// Prefix is the beginning of every key: PREFIX/ID/index.m3u8.
	Prefix string `yaml:"prefix"`
	// AccessKey and SecretKey are given both or none. Without them the SDK looks
	// for credentials where it always does: the AWS_ variables, ~/.aws, and the
	// role of the machine or container.
	AccessKey setting.Secret `yaml:"access_key"`
	// AccessKeyFile and SecretKeyFile are files that hold them instead. They are read
	// again when they change, and when the store refuses the key.
	AccessKeyFile string         `yaml:"access_key_file"`
	SecretKey     setting.Secret `yaml:"secret_key"`
	SecretKeyFile string         `yaml:"secret_key_file"`
	// PathStyle puts the bucket into the path of the URL, not before its host.
	PathStyle Switch `yaml:"path_style"`
	// Checksum is when uploads carry a checksum beside the signature: auto,
	// when_required or when_supported.
	Checksum string `yaml:"checksum"`
	// Delete is what a deletion removes: auto, "object", or "versions", every
	// version of it in a versioned bucket.
	Delete string `yaml:"delete"`
	// PutInterval is the least time between two puts of one key.
	PutInterval PutInterval `yaml:"put_interval"`
	// ACL is the canned ACL to send with each object; empty sends none.
	ACL string `yaml:"acl"`
	// Gzip puts large playlists compressed, with their Content-Encoding.
	Gzip Switch `yaml:"gzip"`
	// CAFile holds the certificates, in PEM, that the endpoint's is signed by,
	// instead of the system's; empty means the system's.
	CAFile string `yaml:"ca_file"`
	// CORSOrigin is the origin of the pages that play from the bucket itself, for which
	// the probe checks the bucket's CORS rules; empty checks none.
	CORSOrigin string `yaml:"cors_origin"`
	// Required refuses to start when the bucket cannot be used and no broadcast of an
	// earlier run waits to go on. Otherwise golive serves at once, and uploads when the
	// bucket works.
	Required bool `yaml:"required"`
}

// DefaultS3Config lacks only the bucket.
func DefaultS3Config() S3Config {
	return S3Config{
		Provider:    "aws",
		Region:      "us-east-1",
		Prefix:      "live",
		Checksum:    Auto,
		Delete:      Auto,
		PutInterval: PutIntervalAuto,
		CORSOrigin:  "https://example.com",
	}
}

// validate adds every wrong value to p. chosen is true if the backend is S3, so that
// settings without a default must be given.
func (c S3Config) validate(p *setting.Problems, chosen bool) {
	oneOf := func(key, value string, allowed ...string) {
		if !slices.Contains(allowed, value) {
			p.Add("s3."+key, "", "must be %s, not %q", alternatives(allowed), value)
		}
	}
	oneOf("provider", c.Provider, Providers()...)
	oneOf("checksum", c.Checksum, Auto, "when_required", "when_supported")
	oneOf("delete", c.Delete, Auto, "object", "versions")
	if c.AccessKey.Empty() != c.SecretKey.Empty() {
		missing := "access_key"
		if c.SecretKey.Empty() {
			missing = "secret_key"
		}
		p.Add("s3."+missing, "set access_key and secret_key both, or neither for the credentials of the environment", "is not set, and the other one is")
	}
	if c.Provider == "gcs" && c.Delete == "versions" {
		p.Add("s3.delete", "give the bucket a lifecycle rule for noncurrent versions", "cannot be versions for provider gcs, whose versions S3 requests do not delete")
	}
	if c.PutInterval > maxPutInterval {
		p.Add("s3.put_interval", `"auto" leaves it to the provider`, "must be auto, or from 0s to %s", time.Duration(maxPutInterval))
	}
	if err := CheckKey(c.Prefix); err != nil {
		p.Add("s3.prefix", `"live" is the default`, "cannot begin a key: %v", err)
	}
	if c.Endpoint != "" {
		c.validateEndpoint(p)
	}
	if !chosen {
		return
	}
	if c.Bucket == "" || strings.ContainsAny(c.Bucket, "/:") {
		p.Add("s3.bucket", "write its name alone, and create it first", "must be the name of a bucket, not %q", c.Bucket)
	}
	if c.Region == "" {
		p.Add("s3.region", `stores that know no regions take "us-east-1"`, "must name a region")
	}
	if hint := endpointHint(c.Provider); c.Endpoint == "" && hint != "" {
		p.Add("s3.endpoint", hint, "must be set for provider %s", c.Provider)
	}
}

func (c S3Config) validateEndpoint(p *setting.Problems) {
	u, err := url.Parse(c.Endpoint)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		p.Add("s3.endpoint", "write it as https://HOST or http://HOST:PORT", "%q is not a URL", c.Endpoint)
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		p.Add("s3.endpoint", "credentials go to access_key and secret_key", "must be a URL without user, query and fragment")
	case c.Bucket != "" && strings.Trim(u.Path, "/") == c.Bucket:
		p.Add("s3.endpoint", "write it without the path", "must not hold the bucket, which has a key of its own")
	}
	if err != nil || c.Provider != "b2" {
		return
	}
	// B2 signs for the region that its host name holds.
	if region, ok := strings.CutPrefix(u.Hostname(), "s3."); ok {
		region, ok = strings.CutSuffix(region, ".backblazeb2.com")
		if ok && region != c.Region {
			p.Add("s3.region", "write "+region, "must be that of the endpoint, %s, not %q", region, c.Region)
		}
	}
}

func endpointHint(provider string) string {
	switch provider {
	case "minio", "ceph":
		return "write http://HOST:PORT or https://HOST of the S3 API, not of the console"
	case "r2":
		return "write https://ACCOUNT.r2.cloudflarestorage.com"
	case "b2":
		return "write https://s3.REGION.backblazeb2.com, as the bucket's page shows it"
	case "custom":
		return "write https://HOST or http://HOST:PORT"
	}
	return ""
}

// alternatives returns the words as "a, b or c".
func alternatives(words []string) string {
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " or " + words[last]
}
