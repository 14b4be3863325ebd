package admin

import (
	"net"

	"golive/internal/setting"
)

// Config is the operator's door.
type Config struct {
	// Listen is the TCP address of metrics, health and profiles. Keep it on
	// loopback or a private network.
	Listen string `yaml:"listen"`
}

// DefaultConfig listens on loopback.
func DefaultConfig() Config { return Config{Listen: "127.0.0.1:8081"} }

// Validate reports every wrong value.
func (c Config) Validate() error {
	var p setting.Problems
	if _, _, err := net.SplitHostPort(c.Listen); err != nil {
		p.Add("listen", `write HOST:PORT, "127.0.0.1:8081"`, "%q is not an address", c.Listen)
	}
	return p.Err()
}
