package httpserver

import (
	"strings"
	"testing"
)

func TestConfig_ValidateNamesTheWrongKey(t *testing.T) {
	for want, change := range map[string]func(*Config){
		"":                                   func(*Config) {},
		"listen: ":                           func(c *Config) { c.Listen = "8080" },
		"limits.connections: ":               func(c *Config) { c.Limits.Connections = -1 },
		"limits.connections_per_address: ":   func(c *Config) { c.Limits.ConnectionsPerAddress = -1 },
		"trusted_proxies[1]: ":               func(c *Config) { c.TrustedProxies = []string{"10.0.0.7", "proxy.example.com"} },
		"trusted_proxies[0]: ":               func(c *Config) { c.TrustedProxies = []string{"10.0.0.0/33"} },
		"tls.listen: ":                       func(c *Config) { c.TLS = TLSConfig{Listen: "443", CertFile: "c", KeyFile: "k"} },
		"tls.cert_file: ":                    func(c *Config) { c.TLS = TLSConfig{Listen: ":443", KeyFile: "k"} },
		"tls.key_file: ":                     func(c *Config) { c.TLS = TLSConfig{Listen: ":443", CertFile: "c"} },
		"tls.auto.domains: ":                 func(c *Config) { c.TLS = auto("a.example"); c.TLS.CertFile = "c" },
		"tls.auto.domains[1]: \"localhost\"": func(c *Config) { c.TLS = auto("a.example", "localhost") },
		"tls.auto.domains[0]: \"192.0.2.1\"": func(c *Config) { c.TLS = auto("192.0.2.1") },
		"tls.auto.domains[0]: \"*.x.example": func(c *Config) { c.TLS = auto("*.x.example") },
		"tls.auto.domains[0]: \"x_y.example": func(c *Config) { c.TLS = auto("x_y.example") },
		"tls.auto.directory: ":               func(c *Config) { c.TLS = auto("a.example"); c.TLS.Auto.Directory = "http://ca.example" },
		"tls.redirect_pages: \"http://x\"":   func(c *Config) { c.TLS.RedirectPages = "http://x" },
		"tls.redirect_pages: \"x.example\"":  func(c *Config) { c.TLS.RedirectPages = "x.example" },
		"tls.redirect_pages: \"https://x/a":  func(c *Config) { c.TLS.RedirectPages = "https://x/a" },
	} {
		c := DefaultConfig()
		change(&c)
		err := c.Validate()
		if (err != nil) != (want != "") || err != nil && (!strings.HasPrefix(err.Error(), want) || strings.Contains(err.Error(), "\n")) {
			t.Errorf("error %v, want only one that begins with %q", err, want)
		}
	}
}

func auto(domains ...string) TLSConfig {
	return TLSConfig{Listen: ":443", Auto: AutoConfig{Domains: domains}}
}

func TestConfig_Proxies(t *testing.T) {
	c := Config{TrustedProxies: []string{"10.0.0.7", "192.168.1.2/16", "::1"}}
	got := ""
	for _, p := range c.Proxies() {
		got += p.String() + " "
	}
	if want := "10.0.0.7/32 192.168.0.0/16 ::1/128 "; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
