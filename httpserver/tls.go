package httpserver

import (
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"golive/internal/setting"
)

// TLSConfig configures the listener of HTTPS, beside the plain one.
type TLSConfig struct {
	// Listen is the TCP address, HOST:PORT; empty is off. Browsers expect port 443.
	Listen string `yaml:"listen"`
	// CertFile holds the certificate and its chain, KeyFile
	// its key, both PEM. They are read again when they change.
	CertFile string `yaml:"cert_file"`
	KeyFile  string `yaml:"key_file"`
	// Auto gets certificates by itself when no files are given.
	Auto AutoConfig `yaml:"auto"`
	// RedirectPages is the https:// address to which requests for pages without TLS are
	// redirected; empty is off. Requests for media never are.
	RedirectPages string `yaml:"redirect_pages"`
}

// AutoConfig configures certificates from an authority that speaks ACME (RFC 8555).
type AutoConfig struct {
	// Domains are the names to get certificates for; none is off.
	Domains []string `yaml:"domains"`
	// Email is where the authority may write to; may be empty.
	Email string `yaml:"email"`
	// Directory is the authority's address; empty is Let's Encrypt.
	Directory string `yaml:"directory"`
	// CAFile holds the certificates, in PEM, that the certificate of Directory is
	// signed by; empty is the system's.
	CAFile string `yaml:"ca_file"`
}

func (c TLSConfig) validate(p *setting.Problems) {
	c.validateRedirect(p)
	c.Auto.validate(p)
	if c.Listen == "" {
		return
	}
	if _, _, err := net.SplitHostPort(c.Listen); err != nil {
		p.Add("tls.listen", `write HOST:PORT or ":443"`, "%q is not an address", c.Listen)
	}
	auto := len(c.Auto.Domains) > 0
	switch {
	case auto && (c.CertFile != "" || c.KeyFile != ""):
		p.Add("tls.auto.domains", "remove either", "must be empty when tls.cert_file or tls.key_file is set")
	case auto:
	case c.CertFile == "":
		p.Add("tls.cert_file", "a PEM file with the certificate and its chain, or tls.auto.domains", "must be set when tls.listen is")
	case c.KeyFile == "":
		p.Add("tls.key_file", "a PEM file with the certificate's key", "must be set when tls.cert_file is")
	}
}

func (c TLSConfig) validateRedirect(p *setting.Problems) {
	if c.RedirectPages == "" {
		return
	}
	u, err := url.Parse(c.RedirectPages)
	if err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" {
		p.Add("tls.redirect_pages", `as in "https://live.example.com"`, "%q is not https:// and a host", c.RedirectPages)
	}
}

func (c AutoConfig) validate(p *setting.Problems) {
	for i, name := range c.Domains {
		if !isDomain(name) {
			p.Add("tls.auto.domains["+strconv.Itoa(i)+"]", `as in "live.example.com"; no "*" and no address`, "%q is not a domain name", name)
		}
	}
	if u, err := url.Parse(c.Directory); c.Directory != "" && (err != nil || u.Scheme != "https" || u.Host == "") {
		p.Add("tls.auto.directory", `"" is Let's Encrypt`, "%q is not an https:// address", c.Directory)
	}
}

// isDomain reports whether an authority could issue a certificate for name: two labels or
// more, of letters, digits and hyphens.
func isDomain(name string) bool {
	labels := strings.Split(name, ".")
	if len(labels) < 2 || len(name) > 253 || net.ParseIP(name) != nil {
		return false
	}
	return !slices.ContainsFunc(labels, func(l string) bool {
		return l == "" || len(l) > 63 || strings.Trim(l, "-") != l ||
			strings.Trim(strings.ToLower(l), "abcdefghijklmnopqrstuvwxyz0123456789-") != ""
	})
}
