package api

import (
	"errors"
	"net/url"
	"strconv"
	"strings"

	"golive/api/auth"
	"golive/api/webhook"
	"golive/internal/cors"
	"golive/internal/setting"
)

// Config sets who may use the API, and which web pages.
type Config struct {
	auth.Config `yaml:",inline"`

	// CORSOrigins are the origins, such as "https://www.example.com", whose pages may
	// use the API; "*" is all. Cookies are never allowed.
	CORSOrigins []string `yaml:"cors_origins"`
	// PublicURL is the URL at which clients reach the server, for the addresses in responses:
	// "https://live.example.com". Empty takes the host of the request.
	PublicURL string       `yaml:"public_url"`
	Limits    LimitsConfig `yaml:"limits"`
	// Webhooks are told what happens to broadcasts.
	Webhooks []webhook.Config `yaml:"webhooks"`
	// Admission decides who may publish.
	Admission webhook.AdmissionConfig `yaml:"admission"`
}

// LimitsConfig limits the requests that change something, in requests per second, and how many may
// come at once. 0 means no limit.
type LimitsConfig struct {
	UserRate     float64 `yaml:"user_rate"`
	UserBurst    int     `yaml:"user_burst"`
	AddressRate  float64 `yaml:"address_rate"`
	AddressBurst int     `yaml:"address_burst"`
}

// DefaultConfig is the open mode, in which all pages are allowed.
func DefaultConfig() Config {
	return Config{
		Config:      auth.DefaultConfig(),
		CORSOrigins: []string{"*"},
		Limits:      LimitsConfig{UserRate: 50, UserBurst: 1000, AddressRate: 200, AddressBurst: 2000},
		Admission:   webhook.DefaultAdmissionConfig(),
	}
}

// Validate reports every wrong value.
func (c Config) Validate() error {
	var p setting.Problems
	for i, text := range c.CORSOrigins {
		if !isOrigin(text) {
			p.Add("cors_origins["+strconv.Itoa(i)+"]", `as in "https://www.example.com"; "*" is all`, "%q is no origin", text)
		}
	}
	if u, err := url.Parse(c.PublicURL); c.PublicURL != "" && (err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || strings.HasSuffix(u.Path, "/") || u.RawQuery != "" || u.Fragment != "" || u.User != nil) {
		p.Add("public_url", `as in "https://live.example.com"`, "%q is not an http or https URL without a slash at its end", c.PublicURL)
	}
	c.Limits.validate(&p)
	for i, w := range c.Webhooks {
		w.Validate("webhooks["+strconv.Itoa(i)+"]", &p)
	}
	c.Admission.Validate("admission", &p)
	return errors.Join(c.Config.Validate(), p.Err())
}

func (c LimitsConfig) validate(p *setting.Problems) {
	for _, l := range []struct {
		name  string
		rate  float64
		burst int
	}{{"user", c.UserRate, c.UserBurst}, {"address", c.AddressRate, c.AddressBurst}} {
		// Written so that NaN is refused.
		if !(l.rate >= 0 && l.rate <= 1e6) {
			p.Add("limits."+l.name+"_rate", "0 means no limit", "must be from 0 to 1000000 requests per second")
		}
		if l.burst < 0 || l.rate > 0 && l.burst < 1 {
			p.Add("limits."+l.name+"_burst", "", "must be at least 1")
		}
	}
}

// origins returns the origins whose pages may use the API.
func (c Config) origins() cors.Origins { return c.CORSOrigins }

// AllowsOrigin reports whether the pages of an origin may use the API, and publish.
func (a *API) AllowsOrigin(origin string) bool { return a.config.Load().origins().Contains(origin) }

// isOrigin reports whether text is "*" or a scheme and a host, with nothing after it.
func isOrigin(text string) bool {
	u, err := url.Parse(text)
	return text == "*" || err == nil && u.Host != "" && text == u.Scheme+"://"+u.Host
}
