package certificate

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// authority answers an ACME client: it refuses, cannot be reached, or lets it wait.
type authority struct {
	silent bool
	slow   bool
	orders atomic.Int32 // attempts to have dealings with it
}

func (a *authority) RoundTrip(r *http.Request) (*http.Response, error) {
	if a.silent {
		a.orders.Add(1)
		return nil, errors.New("no route to host")
	}
	if a.slow {
		a.orders.Add(1)
		<-r.Context().Done()
		return nil, r.Context().Err()
	}
	res := &http.Response{StatusCode: http.StatusOK, Header: http.Header{"Replay-Nonce": {"n"}}, Request: r}
	text := ""
	switch r.URL.Path {
	case "/dir":
		text = `{"newNonce":"https://ca.test/nonce","newAccount":"https://ca.test/account","newOrder":"https://ca.test/order"}`
	case "/account":
		a.orders.Add(1)
		res.StatusCode = http.StatusForbidden
		res.Header.Set("Content-Type", "application/problem+json")
		text = `{"type":"urn:ietf:params:acme:error:unauthorized","detail":"we do not like you","status":403}`
	}
	res.Body = io.NopCloser(strings.NewReader(text))
	return res, nil
}

// openAuto returns an Auto that deals with the authority, and its log.
func openAuto(t *testing.T, with *authority) (*Auto, *bytes.Buffer) {
	t.Helper()
	log := &bytes.Buffer{}
	a, err := OpenAuto(AutoConfig{
		Domains: []string{"Live.example.com"}, Directory: "https://ca.test/dir", Folder: t.TempDir(),
	}, slog.New(slog.NewTextHandler(log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	a.manager.Client.HTTPClient = &http.Client{Transport: with}
	return a, log
}

func hello(name string) *tls.ClientHelloInfo {
	return &tls.ClientHelloInfo{ServerName: name, CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256}}
}

// However many viewers connect, the number of requests to an authority stays within its limits.
func TestAuto_LeavesAnAuthorityAloneThatFailed(t *testing.T) {
	for name, c := range map[string]struct {
		with *authority
		most int // attempts in an hour
	}{
		"it refuses":        {&authority{}, 2},
		"it is not reached": {&authority{silent: true}, 30},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a, log := openAuto(t, c.with)
				config := a.Config()
				for range 3600 - 1 {
					if _, err := config.GetCertificate(hello("live.example.com")); err == nil {
						t.Fatal("there is a certificate")
					}
					time.Sleep(time.Second)
				}
				if int(c.with.orders.Load()) > c.most || int(c.with.orders.Load()) < c.most/2 {
					t.Errorf("it was asked %d times", int(c.with.orders.Load()))
				}
				if n := strings.Count(log.String(), "level=WARN"); n != int(c.with.orders.Load()) {
					t.Errorf("%d warnings of %d attempts:\n%s", n, int(c.with.orders.Load()), log)
				}
				time.Sleep(time.Hour) // what autocert started has ended
			})
		})
	}
}

func TestAuto_OtherNamesAreNotRequested(t *testing.T) {
	with := &authority{}
	a, _ := openAuto(t, with)
	for _, name := range []string{"", "example.com", "www.live.example.com", "live.example.com.evil.test", "192.0.2.1"} {
		if _, err := a.Config().GetCertificate(hello(name)); err == nil {
			t.Errorf("%q has a certificate", name)
		}
	}
	if with.orders.Load() != 0 {
		t.Errorf("the authority was asked %d times", with.orders.Load())
	}
}

func TestAuto_RunAsksBeforeAnyViewerDoesAndEndsAtOnce(t *testing.T) {
	for name, with := range map[string]*authority{"it refuses": {}, "it lets us wait": {slow: true}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a, _ := openAuto(t, with)
				ctx, stop := context.WithCancel(t.Context())
				done := make(chan error)
				go func() { done <- a.Run(ctx) }()
				time.Sleep(time.Minute)
				if n := with.orders.Load(); n != 1 {
					t.Errorf("the authority was asked %d times", n)
				}
				began := time.Now()
				stop()
				if err := <-done; err != nil || time.Since(began) != 0 {
					t.Errorf("it ended after %s: %v", time.Since(began), err)
				}
				time.Sleep(time.Hour) // what autocert started has ended
			})
		})
	}
}

func TestOpenAuto_NamesTheFileThatIsWrong(t *testing.T) {
	empty := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{empty, empty + "x"} {
		if _, err := OpenAuto(AutoConfig{CAFile: file}, slog.New(slog.DiscardHandler)); err == nil || !strings.Contains(err.Error(), file) {
			t.Errorf("%s: %v", file, err)
		}
	}
}
