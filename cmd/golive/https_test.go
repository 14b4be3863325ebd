package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golive/internal/config"
)

// secure starts a server with HTTPS. It returns the files of its certificate.
func secure(t *testing.T, change func(*config.Config)) (s *running, certFile, keyFile string) {
	t.Helper()
	dir := t.TempDir()
	certFile, keyFile = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	certify(t, certFile, keyFile, "old")
	return startInMemory(t, func(c *config.Config) {
		c.Origin.TLS.Listen, c.Origin.TLS.CertFile, c.Origin.TLS.KeyFile = "127.0.0.1:0", certFile, keyFile
		change(c)
	}), certFile, keyFile
}

// browser returns a client that takes any certificate and speaks one protocol, without
// following redirects.
func browser(t *testing.T, set func(*http.Protocols)) *http.Client {
	t.Helper()
	var p http.Protocols
	set(&p)
	transport := &http.Transport{Protocols: &p, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

func http1(p *http.Protocols) { p.SetHTTP1(true) }
func http2(p *http.Protocols) { p.SetHTTP2(true) }
func h2c(p *http.Protocols)   { p.SetUnencryptedHTTP2(true) }

func visit(ctx context.Context, t *testing.T, client *http.Client, url string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	res, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res, string(body)
}

// Rules 46 and 48.
func TestServe_EveryListenerSpeaksHTTP2(t *testing.T) {
	s, _, _ := secure(t, asIs)
	e := s.publish(t, "studio")
	e.videoConfig(0, large())
	e.video(0, 4400, 2000)
	s.mediaPlaylist(t, "studio", "#EXTINF:")
	plain, secret := "http://"+s.listeners.http.Addr().String(), "https://"+s.listeners.https.Addr().String()
	for name, c := range map[string]struct {
		base, proto string
		set         func(*http.Protocols)
	}{
		"plain, HTTP/1.1": {plain, "HTTP/1.1", http1},
		"plain, HTTP/2":   {plain, "HTTP/2.0", h2c},
		"TLS, HTTP/1.1":   {secret, "HTTP/1.1", http1},
		"TLS, HTTP/2":     {secret, "HTTP/2.0", http2},
	} {
		t.Run(name, func(t *testing.T) {
			client := browser(t, c.set)
			list, text := visit(t.Context(), t, client, c.base+"/live/studio/source/index.m3u8?_HLS_msn=0")
			if list.StatusCode != 200 || list.Proto != c.proto || !strings.Contains(text, "#EXTINF:") {
				t.Errorf("playlist: %s %s\n%s", list.Proto, list.Status, text)
			}
			for line := range strings.Lines(text) {
				if strings.HasPrefix(line, "#") {
					continue
				}
				segment, media := visit(t.Context(), t, client, c.base+"/live/studio/source/"+strings.TrimSpace(line))
				if segment.StatusCode != 200 || segment.Proto != c.proto || !strings.Contains(media, "moof") {
					t.Errorf("segment: %s %s, %d bytes", segment.Proto, segment.Status, len(media))
				}
				break
			}
			if page, text := visit(t.Context(), t, client, c.base+"/"); page.StatusCode != 200 || !strings.Contains(text, "<!doctype html>") {
				t.Errorf("page: %s", page.Status)
			}
		})
	}
}

func TestServe_HTTPSRefusesOldTLS(t *testing.T) {
	s, _, _ := secure(t, asIs)
	old := &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}
	if _, err := (&tls.Dialer{Config: old}).DialContext(t.Context(), "tcp", s.listeners.https.Addr().String()); err == nil {
		t.Error("TLS 1.1 was let in")
	}
}

func TestServe_HTTPSTakesUpANewCertificate(t *testing.T) {
	s, certFile, keyFile := secure(t, asIs)
	served := func() string {
		conn, err := (&tls.Dialer{Config: &tls.Config{InsecureSkipVerify: true}}).DialContext(t.Context(), "tcp", s.listeners.https.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = conn.Close() }()
		return conn.(*tls.Conn).ConnectionState().PeerCertificates[0].Subject.CommonName
	}
	if name := served(); name != "old" {
		t.Fatalf("the certificate of %s is served", name)
	}
	kept := browser(t, http2) // a viewer that stays
	visit(t.Context(), t, kept, "https://"+s.listeners.https.Addr().String()+"/v1/broadcasts")
	certify(t, certFile, keyFile, "new")
	for deadline := time.Now().Add(patience); served() != "new"; <-time.After(100 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the old certificate is still served")
		}
	}
	if res, _ := visit(t.Context(), t, kept, "https://"+s.listeners.https.Addr().String()+"/v1/broadcasts"); res.StatusCode != 200 {
		t.Errorf("the viewer that stayed: %s", res.Status)
	}
}

// Rule 46: no redirect on media.
func TestServe_RedirectsPagesOnly(t *testing.T) {
	s, _, _ := secure(t, func(c *config.Config) { c.Origin.TLS.RedirectPages = "https://live.example.com:8443/" })
	e := s.publish(t, "studio")
	e.videoConfig(0, large())
	e.video(0, 4400, 2000)
	s.mediaPlaylist(t, "studio", "#EXTINF:")
	plain, secret := "http://"+s.listeners.http.Addr().String(), "https://"+s.listeners.https.Addr().String()
	client := browser(t, http1)
	for path, want := range map[string]int{
		"/": 307, "/watch/studio?t=1": 307, "/embed/studio": 307,
		"/live/studio/index.m3u8": 200, "/live/studio/source/index.m3u8": 200, "/live/nobody/index.m3u8": 404, "/v1/broadcasts": 200,
	} {
		res, _ := visit(t.Context(), t, client, plain+path)
		if res.StatusCode != want || want == 307 && res.Header.Get("Location") != "https://live.example.com:8443"+path {
			t.Errorf("%s: %s to %q", path, res.Status, res.Header.Get("Location"))
		}
		if res, _ := visit(t.Context(), t, client, secret+path); res.StatusCode == 307 {
			t.Errorf("%s inside TLS: %s", path, res.Status)
		}
	}
}

func TestServe_CountsViewers(t *testing.T) {
	s, _, _ := secure(t, func(c *config.Config) { c.Origin.TrustedProxies = []string{"127.0.0.0/8"} })
	e := s.publish(t, "studio")
	e.videoConfig(0, large())
	e.video(0, 4400, 2000)
	s.mediaPlaylist(t, "studio", "#EXTINF:") // the first viewer
	plain := "http://" + s.listeners.http.Addr().String()
	for _, viewer := range []string{"192.0.2.1", "192.0.2.2", "192.0.2.1"} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, plain+"/live/studio/source/index.m3u8", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("X-Forwarded-For", viewer)
		res, err := s.client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
	}
	if _, text := visit(t.Context(), t, s.client, plain+"/v1/broadcasts/studio"); !strings.Contains(text, `"viewers":3`) {
		t.Error(text)
	}
	if _, text := visit(t.Context(), t, s.client, "http://"+s.listeners.admin.Addr().String()+"/metrics"); !strings.Contains(text, "\ngolive_origin_viewers 3\n") {
		t.Error("the metrics do not say 3 viewers")
	}
}

// At the end of the server every player that waits learns that the broadcast has
// ended, whatever it speaks, and no connection is kept.
func TestServe_PlayersThatWaitAreAnsweredAtTheEnd(t *testing.T) {
	s, _, _ := secure(t, asIs)
	e := s.publish(t, "studio")
	e.videoConfig(0, large())
	e.video(0, 4400, 2000)
	text := s.mediaPlaylist(t, "studio", "-2.m4s\n")
	never := number(t, text, "EXT-X-MEDIA-SEQUENCE") + len(durations(text)) + 1 // the one before is completed by the end
	next := fmt.Sprintf("/live/studio/source/index.m3u8?_HLS_msn=%d", never)
	plain, secret := "http://"+s.listeners.http.Addr().String(), "https://"+s.listeners.https.Addr().String()
	type answer struct{ name, problem string }
	answers := make(chan answer)
	players := map[string]struct {
		base string
		set  func(*http.Protocols)
	}{"HTTP/1.1": {plain, http1}, "h2c": {plain, h2c}, "HTTP/1.1 inside TLS": {secret, http1}, "HTTP/2": {secret, http2}}
	for name, p := range players {
		client := browser(t, p.set)
		visit(t.Context(), t, client, p.base+"/live/studio/source/index.m3u8") // the connection is kept
		go func() {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, p.base+next, http.NoBody)
			if err != nil {
				answers <- answer{name, err.Error()}
				return
			}
			res, err := client.Do(req)
			if err != nil {
				answers <- answer{name, err.Error()}
				return
			}
			defer func() { _ = res.Body.Close() }()
			list, err := io.ReadAll(res.Body)
			if err != nil || res.StatusCode != http.StatusOK || !strings.Contains(string(list), "#EXT-X-ENDLIST") {
				answers <- answer{name, fmt.Sprintf("%s, %v\n%s", res.Status, err, list)}
				return
			}
			answers <- answer{name: name}
		}()
	}
	waiting := fmt.Sprintf("\ngolive_origin_waiting_requests %d\n", len(players))
	for deadline := time.Now().Add(patience); ; <-time.After(20 * time.Millisecond) {
		if _, text := visit(t.Context(), t, s.client, "http://"+s.listeners.admin.Addr().String()+"/metrics"); strings.Contains(text, waiting) {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the players do not wait")
		}
	}
	began := time.Now()
	stopped := make(chan struct{})
	go func() {
		s.stop()
		close(stopped)
	}()
	for range players {
		if a := <-answers; a.problem != "" {
			t.Errorf("%s: %s", a.name, a.problem)
		}
	}
	const seeingOff = 3 * time.Second // of the publisher
	if took := time.Since(began); took > seeingOff+time.Second {
		t.Errorf("the last was answered after %s", took)
	}
	<-stopped
	if took := time.Since(began); took > seeingOff+playerLinger+3*time.Second {
		t.Errorf("the server ended after %s", took)
	}
}
