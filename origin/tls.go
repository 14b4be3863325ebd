package origin

import (
	"net"
	"net/url"
	"strings"

	"golive/internal/setting"
)

// TLSConfig is the front door inside TLS, beside the plain one.
type TLSConfig struct {
	// Listen is the TCP address, HOST:PORT; empty is off. Browsers expect port 443.
	Listen string `yaml:"listen"`
	// CertFile holds the certificate and the authorities that vouch for it, KeyFile
	// its key, both PEM. They are read again when they change.
	CertFile string `yaml:"cert_file"`
	KeyFile  string `yaml:"key_file"`
	// RedirectPages is the https:// address to which pages that are asked for without
	// TLS are redirected; empty is off. Media never is.
	RedirectPages string `yaml:"redirect_pages"`
}

func (c TLSConfig) validate(p *setting.Problems) {
	c.validateRedirect(p)
	if c.Listen == "" {
		return
	}
	if _, _, err := net.SplitHostPort(c.Listen); err != nil {
		p.Add("tls.listen", `write HOST:PORT or ":443"`, "%q is not an address", c.Listen)
	}
	if c.CertFile == "" {
		p.Add("tls.cert_file", "a PEM file with the certificate and its chain", "must be set when tls.listen is")
	}
	if c.KeyFile == "" {
		p.Add("tls.key_file", "a PEM file with the certificate's key", "must be set when tls.listen is")
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
