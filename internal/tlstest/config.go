package tlstest

import (
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"net/http/httptest"
)

// SelfSigned returns a server's configuration with a self-signed certificate for 127.0.0.1 and
// example.com, and a pool that trusts it.
func SelfSigned() (server *tls.Config, trust *x509.CertPool) {
	s := httptest.NewTLSServer(http.NotFoundHandler())
	defer s.Close()
	trust = x509.NewCertPool()
	trust.AddCert(s.Certificate())
	return &tls.Config{MinVersion: tls.VersionTLS12, Certificates: s.TLS.Certificates}, trust
}
