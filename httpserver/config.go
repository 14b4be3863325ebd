package httpserver

import (
	"net"
	"net/netip"
	"strconv"
	"strings"

	"golive/internal/setting"
)

// Config configures how clients reach a Server, and its limits.
type Config struct {
	// Listen is the TCP address of HTTP, HOST:PORT; without a host, all interfaces.
	Listen string       `yaml:"listen"`
	TLS    TLSConfig    `yaml:"tls"`
	Limits LimitsConfig `yaml:"limits"`
	// TrustedProxies are the addresses, or networks (10.0.0.0/8), whose
	// X-Forwarded-For is believed. The limits per address do not apply to them.
	TrustedProxies []string `yaml:"trusted_proxies"`
	// BasePath is the path below which viewers reach golive through a proxy, as in
	// "/video"; empty is the root.
	BasePath string `yaml:"base_path"`
}

// DefaultConfig listens on port 8080.
func DefaultConfig() Config { return Config{Listen: ":8080"} }

// Validate reports every wrong value.
func (c Config) Validate() error {
	var p setting.Problems
	if _, _, err := net.SplitHostPort(c.Listen); err != nil {
		p.Add("listen", `write HOST:PORT or ":8080"`, "%q is not an address", c.Listen)
	}
	c.TLS.validate(&p)
	c.Limits.validate(&p)
	for i, text := range c.TrustedProxies {
		if _, err := parseNetwork(text); err != nil {
			p.Add("trusted_proxies["+strconv.Itoa(i)+"]", `as in "10.0.0.7" or "10.0.0.0/8"`, "%q is neither an address nor a network", text)
		}
	}
	if !isBasePath(c.BasePath) {
		p.Add("base_path", `as in "/video"; "" is the root`, "%q is not a path that begins with a slash and ends without one", c.BasePath)
	}
	return p.Err()
}

// isBasePath reports whether text is empty, or a path of names that need no escape.
func isBasePath(text string) bool {
	return text == "" || strings.HasPrefix(text, "/") && !strings.HasSuffix(text, "/") &&
		!strings.Contains(text, "//") && !strings.Contains(text, "/.") &&
		strings.Trim(strings.ToLower(text), "abcdefghijklmnopqrstuvwxyz0123456789-._~/") == ""
}

// Proxies returns the networks of TrustedProxies, which must be valid.
func (c Config) Proxies() []netip.Prefix {
	var all []netip.Prefix
	for _, text := range c.TrustedProxies {
		if network, err := parseNetwork(text); err == nil {
			all = append(all, network)
		}
	}
	return all
}

// parseNetwork reads an address or a network.
func parseNetwork(text string) (netip.Prefix, error) {
	if strings.Contains(text, "/") {
		network, err := netip.ParsePrefix(text)
		return network.Masked(), err
	}
	a, err := netip.ParseAddr(text)
	if err != nil {
		return netip.Prefix{}, err
	}
	return netip.PrefixFrom(a, a.BitLen()), nil
}
