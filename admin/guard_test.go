package admin

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
)

func TestGuard_RefusesHostsThatAreNotThisMachine(t *testing.T) {
	c := Config{Listen: "admin.internal:8081", Hosts: []string{"golive-1", "2001:db8::7"}}
	h := Guard(c, NewHandler(prometheus.NewRegistry()))
	for host, want := range map[string]int{
		"127.0.0.1:8081": 200, "127.9.9.9": 200, "localhost:8081": 200, "LOCALHOST": 200, "localhost.": 200, "[::1]:8081": 200,
		"[::ffff:127.0.0.1]:8081": 200,
		"10.0.0.5:8081":           200, // the connection's own
		"admin.internal:8081":     200, "golive-1:9999": 200, "Golive-1": 200, "[2001:db8::7]:8081": 200, "": 200,
		"evil.test:8081": 421, "evil.test": 421, "127.0.0.1.evil.test": 421, "localhost.evil.test": 421, "10.0.0.6:8081": 421,
		"192.0.2.1": 421, "[2001:db8::8]": 421, "admin": 421, "localhost@evil.test": 421, "0.0.0.0": 421, "2130706433": 421,
	} {
		for _, path := range []string{"/healthz", "/metrics", "/debug/pprof/"} {
			r := httptest.NewRequestWithContext(context.WithValue(t.Context(), http.LocalAddrContextKey, &net.TCPAddr{IP: net.IPv4(10, 0, 0, 5), Port: 8081}), http.MethodGet, path, http.NoBody)
			r.Host = host
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if w.Code != want {
				t.Errorf("Host %q, %s: %d, want %d", host, path, w.Code, want)
			}
			if w.Header().Get("X-Content-Type-Options") != "nosniff" || w.Header().Get("Cache-Control") != "no-store" {
				t.Errorf("Host %q, %s: headers %v, want nosniff and no-store", host, path, w.Header())
			}
		}
	}
}

func TestGuard_RefusesRequestsFromOtherSites(t *testing.T) {
	h := Guard(DefaultConfig(), NewHandler(prometheus.NewRegistry()))
	for _, c := range []struct {
		name, value string
		want        int
	}{
		{"Sec-Fetch-Site", "cross-site", 403},
		{"Sec-Fetch-Site", "same-site", 403},
		{"Sec-Fetch-Site", "same-origin", 200},
		{"Sec-Fetch-Site", "none", 200},
		{"Origin", "https://evil.test", 403},
		{"Origin", "null", 403},
		{"Origin", "http://127.0.0.1:8081", 200},
		{"X-Other", "x", 200},
	} {
		r := httptest.NewRequest(http.MethodGet, "/debug/pprof/cmdline", http.NoBody)
		r.Host = "127.0.0.1:8081"
		r.Header.Set(c.name, c.value)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != c.want {
			t.Errorf("%s %s: %d, want %d", c.name, c.value, w.Code, c.want)
		}
	}
}

func TestConfig_ValidatesHosts(t *testing.T) {
	for host, valid := range map[string]bool{
		"golive-1": true, "10.0.0.7": true, "2001:db8::7": true, "[2001:db8::7]": true, "a.b.test": true,
		"": false, "*": false, "golive-1:8081": false, "http://golive": false, "a b": false, "*.test": false,
	} {
		c := DefaultConfig()
		c.Hosts = []string{host}
		if err := c.Validate(); (err == nil) != valid {
			t.Errorf("host %q: error %v, want valid %t", host, err, valid)
		}
	}
}
