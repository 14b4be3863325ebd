package s3

import (
	"net/netip"
	"net/url"
	"strings"
	"time"

	"golive/storage"
)

// profile holds the peculiarities of a provider's stores.
type profile struct {
	// pathStyle puts the bucket into the path. Of stores behind one host name, few
	// have the wildcard certificate and DNS entry that the other way needs.
	pathStyle bool
	// alwaysChecksum sends a checksum with each upload, as the SDK does by itself.
	// Only AWS is known to take it in each of its forms.
	alwaysChecksum bool
	// versions deletes every version of an object: where a bucket always keeps
	// them, a plain deletion hides the object and frees nothing.
	versions bool
	// endpoint is the store's URL; empty is Amazon's of the region.
	endpoint string
	// putInterval is the least time between two puts of one key: some stores refuse
	// more with 429.
	putInterval time.Duration
	// transcodes is true if the store unpacks an object with Content-Encoding gzip for
	// clients that do not ask for gzip, unless its Cache-Control forbids that.
	transcodes bool
}

const gcsEndpoint = "https://storage.googleapis.com"

// profileOf returns the provider's profile, with the settings that are not "auto".
func profileOf(c storage.S3Config) profile {
	p := profile{endpoint: c.Endpoint}
	switch c.Provider {
	case "aws":
		p.alwaysChecksum = c.Endpoint == ""
	case "gcs":
		// A bucket's name with a dot is in no certificate; trailing checksums are
		// refused; versions are deleted by generation, which S3 does not know.
		p.pathStyle, p.putInterval, p.transcodes = true, time.Second, true
		if p.endpoint == "" {
			p.endpoint = gcsEndpoint
		}
	case "b2": // keeps versions always; takes both styles
		p.versions = true
	case "r2": // takes both styles; has no versions
		p.putInterval = time.Second
	case "minio", "ceph", "custom":
		p.pathStyle = true
	}
	if c.PathStyle != storage.SwitchAuto {
		p.pathStyle = c.PathStyle == storage.SwitchOn
	} else if !canCarryBucket(p.endpoint) {
		p.pathStyle = true
	}
	if c.Checksum != storage.Auto {
		p.alwaysChecksum = c.Checksum == "when_supported"
	}
	if c.Delete != storage.Auto {
		p.versions = c.Delete == "versions"
	}
	if c.PutInterval != storage.PutIntervalAuto {
		p.putInterval = time.Duration(c.PutInterval)
	}
	return p
}

// canCarryBucket reports whether the endpoint's host can have the bucket's name
// before it: an address and a name without a domain cannot.
func canCarryBucket(endpoint string) bool {
	u, err := url.Parse(endpoint)
	if err != nil || u.Host == "" {
		return true
	}
	_, err = netip.ParseAddr(u.Hostname())
	return err != nil && strings.Contains(u.Hostname(), ".")
}
