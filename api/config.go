package api

import (
	"net/url"
	"strconv"

	"golive/internal/setting"
)

// Config sets which web pages may read the API.
type Config struct {
	// CORSOrigins are the origins, such as "https://www.example.com", whose pages may
	// read the answers; "*" is all. Credentials are never allowed.
	CORSOrigins []string `yaml:"cors_origins"`
}

// DefaultConfig allows all pages: the API is public.
func DefaultConfig() Config { return Config{CORSOrigins: []string{"*"}} }

// Validate reports every wrong value.
func (c Config) Validate() error {
	var p setting.Problems
	for i, text := range c.CORSOrigins {
		if !isOrigin(text) {
			p.Add("cors_origins["+strconv.Itoa(i)+"]", `as in "https://www.example.com"; "*" is all`, "%q is no origin", text)
		}
	}
	return p.Err()
}

// isOrigin reports whether text is "*" or a scheme and a host, with nothing after it.
func isOrigin(text string) bool {
	u, err := url.Parse(text)
	return text == "*" || err == nil && u.Host != "" && text == u.Scheme+"://"+u.Host
}
