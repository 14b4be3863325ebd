package s3

import (
	"net/netip"
	"net/url"
	"strings"

	"golive/storage"
)

// profile is how to talk to a store.
type profile struct {
	// pathStyle puts the bucket into the path. Of stores behind one host name, few
	// have the wildcard certificate and DNS entry that the other way needs.
	pathStyle bool
	// everyChecksum sends a checksum with each upload, as the SDK does by itself.
	// Only AWS is known to take it in each of its forms.
	everyChecksum bool
	// versions deletes every version of an object: where a bucket always keeps
	// them, a plain deletion hides the object and frees nothing.
	versions bool
}

// profileOf is the provider's profile with what the configuration says itself.
func profileOf(c storage.S3Config) profile {
	var p profile
	switch c.Provider {
	case "aws":
		p.everyChecksum = c.Endpoint == ""
	case "b2": // keeps versions always; takes both styles
		p.versions = true
	case "r2": // takes both styles; has no versions
	case "minio", "ceph", "custom":
		p.pathStyle = true
	}
	if c.PathStyle != storage.SwitchAuto {
		p.pathStyle = c.PathStyle == storage.SwitchOn
	} else if !canCarryBucket(c.Endpoint) {
		p.pathStyle = true
	}
	if c.Checksum != storage.Auto {
		p.everyChecksum = c.Checksum == "when_supported"
	}
	if c.Delete != storage.Auto {
		p.versions = c.Delete == "versions"
	}
	return p
}

// canCarryBucket says whether the endpoint's host can have the bucket's name
// before it: an address and a name without a domain cannot.
func canCarryBucket(endpoint string) bool {
	u, err := url.Parse(endpoint)
	if err != nil || u.Host == "" {
		return true
	}
	_, err = netip.ParseAddr(u.Hostname())
	return err != nil && strings.Contains(u.Hostname(), ".")
}
