package registry

import (
	"crypto/tls"
	"encoding/pem"
	"errors"
	"log/slog"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nkeys"

	"golive/internal/logtest"
	"golive/internal/setting"
)

// secured is a server that requires something of its clients, a configuration of a node that fulfils it,
// and one that does not.
type secured struct {
	server       server.Options
	scheme       string
	right, wrong Config
	problem      string // part of the error of the wrong one
}

func withPassword(*testing.T) secured {
	return secured{
		server:  server.Options{Username: "golive", Password: "right"},
		scheme:  "nats",
		right:   Config{User: "golive", Password: setting.NewSecret("right")},
		wrong:   Config{User: "golive", Password: setting.NewSecret("wrong")},
		problem: "check registry.user and registry.password",
	}
}

func withTLS(t *testing.T) secured {
	site := httptest.NewTLSServer(nil) // for its certificate
	site.Close()
	ca := writeFile(t, "ca.pem", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: site.Certificate().Raw}))
	return secured{
		server:  server.Options{TLSConfig: &tls.Config{Certificates: site.TLS.Certificates, MinVersion: tls.VersionTLS12}, TLSTimeout: patience.Seconds()},
		scheme:  "tls",
		right:   Config{CAFile: ca},
		problem: "registry.ca_file must name the certificate",
	}
}

func withMissingCA(t *testing.T) secured {
	s := withTLS(t)
	s.wrong.CAFile = filepath.Join(t.TempDir(), "missing.pem")
	s.problem = s.wrong.CAFile
	return s
}

func withoutTLS(t *testing.T) secured {
	s := withTLS(t)
	s.wrong, s.right = s.right, Config{}
	s.server.TLSConfig, s.scheme, s.problem = nil, "nats", "begin registry.url with nats://"
	return s
}

// withPermissions is a server on which the right user may do what docs/operations.md says.
func withPermissions(t *testing.T) secured {
	s, account := withAccounts(t)
	documented := jwt.Permissions{
		Pub: jwt.Permission{Allow: jwt.StringList{"$KV.golive_cluster.>", "$KV.golive_leases.>", "$KV.golive_records.>", "golive.events.>", "$JS.API.>"}},
		Sub: jwt.Permission{Allow: jwt.StringList{"_INBOX.>"}},
	}
	s.right = Config{CredentialsFile: credentials(t, account, documented)}
	documented.Pub.Allow = documented.Pub.Allow[:2]
	s.wrong = Config{CredentialsFile: credentials(t, account, documented)}
	s.problem = "its user needs the permissions that docs/operations.md names"
	return s
}

func withCredentials(t *testing.T) secured {
	s, account := withAccounts(t)
	s.right = Config{CredentialsFile: credentials(t, account, jwt.Permissions{})}
	s.wrong = Config{CredentialsFile: credentials(t, newKey(t, nkeys.CreateAccount), jwt.Permissions{})}
	s.problem = "registry.credentials_file"
	return s
}

// withAccounts is a server whose operator signs accounts, which sign users.
func withAccounts(t *testing.T) (s secured, account nkeys.KeyPair) {
	operator, system := newKey(t, nkeys.CreateOperator), newKey(t, nkeys.CreateAccount)
	account = newKey(t, nkeys.CreateAccount)
	var accounts server.MemAccResolver
	for _, key := range []nkeys.KeyPair{system, account} {
		claims := jwt.NewAccountClaims(publicKey(t, key))
		if key == account {
			claims.Limits.MemoryStorage, claims.Limits.DiskStorage = jwt.NoLimit, jwt.NoLimit
		}
		signed, err := claims.Encode(operator)
		if err != nil {
			t.Fatal(err)
		}
		if err := accounts.Store(claims.Subject, signed); err != nil {
			t.Fatal(err)
		}
	}
	return secured{
		server: server.Options{
			TrustedOperators: []*jwt.OperatorClaims{jwt.NewOperatorClaims(publicKey(t, operator))},
			SystemAccount:    publicKey(t, system),
			AccountResolver:  &accounts,
		},
		scheme: "nats",
	}, account
}

func newKey(t *testing.T, create func() (nkeys.KeyPair, error)) nkeys.KeyPair {
	t.Helper()
	key, err := create()
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func publicKey(t *testing.T, key nkeys.KeyPair) string {
	t.Helper()
	public, err := key.PublicKey()
	if err != nil {
		t.Fatal(err)
	}
	return public
}

// credentials writes the file of a user of the account.
func credentials(t *testing.T, account nkeys.KeyPair, may jwt.Permissions) string {
	t.Helper()
	user := newKey(t, nkeys.CreateUser)
	claims := jwt.NewUserClaims(publicKey(t, user))
	claims.Permissions = may
	signed, err := claims.Encode(account)
	if err != nil {
		t.Fatal(err)
	}
	seed, err := user.Seed()
	if err != nil {
		t.Fatal(err)
	}
	text, err := jwt.FormatUserConfig(signed, seed)
	if err != nil {
		t.Fatal(err)
	}
	return writeFile(t, "golive.creds", text)
}

func writeFile(t *testing.T, name string, text []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestRegistry_WrongCredentialsAreLoggedOnceWithAHint(t *testing.T) {
	t.Parallel()
	for name, secure := range map[string]func(*testing.T) secured{
		"password": withPassword, "credentials file": withCredentials, "permissions": withPermissions,
		"certificate": withTLS, "missing CA file": withMissingCA, "server without TLS": withoutTLS,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := secure(t)
			c.server.Port, c.server.StoreDir = -1, t.TempDir()
			s := startServer(t, &c.server)
			t.Cleanup(func() {
				s.Shutdown()
				s.WaitForShutdown()
			})
			c.right.URL, c.wrong.URL = "nats://"+s.Addr().String(), c.scheme+"://"+s.Addr().String()
			if c.wrong.CAFile != "" {
				c.wrong.URL = "tls://" + s.Addr().String()
			}
			if err := errors.Join(c.right.Validate(), c.wrong.Validate()); err != nil {
				t.Fatal(err)
			}

			var log logtest.Log
			wrong := newRegistry(c.wrong, "wrong")
			wrong.log = slog.New(slog.NewTextHandler(&log, nil))
			stop := run(t, wrong)
			eventually(t, "it is told what is wrong", func() bool {
				err := wrong.Connected(t.Context())
				return errors.Is(err, ErrAway) && strings.Contains(err.Error(), c.problem)
			})
			told := wrong.now()
			eventually(t, "it is tried again", func() bool { return wrong.now()-told > 4*retryMin })
			stop()
			if n := strings.Count(log.String(), "\n"); n != 1 || !strings.Contains(log.String(), c.problem) {
				t.Errorf("%d lines are logged, want one:\n%s", n, &log)
			}
			c.right.Events = true
			right := newRegistry(c.right, "right")
			run(t, right)
			got := newReceiver()
			consume(t, right, "hook", got.handle)
			if err := ready(t, right.Claim("studio", false)); err != nil {
				t.Error(err)
			}
			waitForRecords(t, right)
			_, err := right.CreateBroadcast(t.Context(), Broadcast{ID: "studio"})
			if err = errors.Join(err, right.RemoveBroadcast(t.Context(), "studio")); err != nil {
				t.Error(err)
			}
			eventually(t, "the event is consumed", func() bool { return got.count() == 1 })
		})
	}
}
