package admin

import (
	"net"
	"strconv"
	"strings"

	"golive/internal/setting"
)

// Config is the section "admin" of the configuration.
type Config struct {
	// Listen is the TCP address of metrics, health and profiles. Keep it on
	// loopback or a private network.
	Listen string `yaml:"listen"`
	// Hosts are the names and addresses that requests may have in Host, beside those of
	// loopback and of the listener itself.
	Hosts []string `yaml:"hosts"`
}

// DefaultConfig listens on loopback.
func DefaultConfig() Config { return Config{Listen: "127.0.0.1:8081"} }

// Validate reports every wrong value.
func (c Config) Validate() error {
	var p setting.Problems
	if _, _, err := net.SplitHostPort(c.Listen); err != nil {
		p.Add("listen", `write HOST:PORT, "127.0.0.1:8081"`, "%q is not an address", c.Listen)
	}
	for i, host := range c.Hosts {
		if host == "" || strings.ContainsAny(host, "/ *") || hostOf(host) != strings.Trim(host, "[]") {
			p.Add("hosts["+strconv.Itoa(i)+"]", `as in "golive-1.internal" or "10.0.0.7"`, "%q is not a name or an address without a port", host)
		}
	}
	return p.Err()
}
