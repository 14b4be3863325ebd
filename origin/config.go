package origin

import (
	"net"

	"golive/internal/setting"
)

// Config is the front door of the viewers.
type Config struct {
	// Listen is the TCP address of HTTP, HOST:PORT; without a host, all interfaces.
	Listen string `yaml:"listen"`
}

// DefaultConfig listens on port 8080.
func DefaultConfig() Config { return Config{Listen: ":8080"} }

// Validate reports every wrong value.
func (c Config) Validate() error {
	var p setting.Problems
	if _, _, err := net.SplitHostPort(c.Listen); err != nil {
		p.Add("listen", `write HOST:PORT or ":8080"`, "%q is not an address", c.Listen)
	}
	return p.Err()
}
