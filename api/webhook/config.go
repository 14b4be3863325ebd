package webhook

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"golive/internal/publicnet"
	"golive/internal/setting"
	"golive/registry"
)

// Config is one address to which events are delivered.
type Config struct {
	// URL is where events are posted to. It must be https:, unless AllowPrivate is set.
	URL string `yaml:"url"`
	// Secret signs them: "whsec_" and 24 to 64 random bytes in base64.
	Secret setting.Secret `yaml:"secret"`
	// SecretFile is a file that holds the secret, in place of Secret.
	SecretFile string `yaml:"secret_file"`
	// Events are the types that are delivered; none are all.
	Events []string `yaml:"events"`
	// AllowPrivate allows plain HTTP, and addresses that are not public: this machine, and
	// those of private networks.
	AllowPrivate bool `yaml:"allow_private"`
}

// AdmissionConfig is the webhook that decides who may publish.
type AdmissionConfig struct {
	// URL is where it is asked; empty asks nobody. It must be https:, unless AllowPrivate is
	// set.
	URL string `yaml:"url"`
	// Secret signs the requests: "whsec_" and 24 to 64 random bytes in base64.
	Secret setting.Secret `yaml:"secret"`
	// SecretFile is a file that holds the secret, in place of Secret.
	SecretFile string `yaml:"secret_file"`
	// Timeout is how long a publisher waits for the answer. From 100ms to 8s.
	Timeout time.Duration `yaml:"timeout"`
	// OnFailure is what happens to a publisher when there is no answer: "allow" or "deny".
	OnFailure OnFailure `yaml:"on_failure"`
	// AllowPrivate allows plain HTTP, and addresses that are not public.
	AllowPrivate bool `yaml:"allow_private"`
}

// OnFailure is what happens to a publisher when the admission webhook does not answer.
type OnFailure string

// The policies.
const (
	Allow OnFailure = "allow"
	Deny  OnFailure = "deny"
)

// DefaultAdmissionConfig asks nobody.
func DefaultAdmissionConfig() AdmissionConfig {
	return AdmissionConfig{Timeout: 2 * time.Second, OnFailure: Deny}
}

// Validate adds every wrong value to p, with the path before its key.
func (c Config) Validate(path string, p *setting.Problems) {
	endpoint{c.URL, c.Secret, c.SecretFile, c.AllowPrivate}.validate(path, p)
	known := eventTypes()
	for i, e := range c.Events {
		if !slices.Contains(known, e) {
			p.Add(path+".events["+strconv.Itoa(i)+"]", "one of "+strings.Join(known, ", "), "%q is no event", e)
		}
	}
}

// Validate adds every wrong value to p, with the path before its key.
func (c AdmissionConfig) Validate(path string, p *setting.Problems) {
	if c.URL == "" {
		return
	}
	if c.Timeout < 100*time.Millisecond || c.Timeout > 8*time.Second {
		p.Add(path+".timeout", "2s: encoders give up after a few seconds", "must be from 100ms to 8s")
	}
	if c.OnFailure != Allow && c.OnFailure != Deny {
		p.Add(path+".on_failure", "write allow or deny", "%q is not a policy", string(c.OnFailure))
	}
	endpoint{c.URL, c.Secret, c.SecretFile, c.AllowPrivate}.validate(path, p)
}

// endpoint is what both kinds of webhook have.
type endpoint struct {
	url          string
	secret       setting.Secret
	secretFile   string
	allowPrivate bool
}

func (e endpoint) validate(path string, p *setting.Problems) {
	u, err := url.Parse(e.url)
	switch {
	case err != nil || u.Hostname() == "" || u.Scheme != "https" && u.Scheme != "http":
		p.Add(path+".url", `as in "https://app.example.com/golive"`, "must be an address that begins with https://")
	case u.User != nil:
		p.Add(path+".url", "requests are signed with the secret", "must not contain a password")
	case u.Fragment != "":
		p.Add(path+".url", "leave out # and what follows", "must not have a fragment")
	case e.allowPrivate:
	case u.Scheme != "https":
		p.Add(path+".url", "set allow_private: true for a server in your own network", "must begin with https://")
	case isPrivateHost(u.Hostname()):
		p.Add(path+".url", "set allow_private: true for a server in your own network", "is not a public address")
	}
	switch {
	case e.secretFile != "" && !e.secret.Empty():
		p.Add(path+".secret_file", "keep one of them", "must be empty when secret is set")
	case e.secretFile == "":
		if _, err := decodeSecret(e.secret); err != nil {
			p.Add(path+".secret", `the output of: echo "whsec_$(openssl rand -base64 32)"`, "%v", err)
		}
	}
}

// key returns what signs.
func (e endpoint) key() ([]byte, error) {
	secret := e.secret
	if e.secretFile != "" {
		var err error
		if secret, err = setting.ReadSecretFile(e.secretFile); err != nil {
			return nil, err
		}
	}
	return decodeSecret(secret)
}

// isPrivateHost reports whether the host of a URL is certain not to be public.
func isPrivateHost(host string) bool {
	if ip, err := netip.ParseAddr(host); err == nil {
		return !publicnet.Contains(ip)
	}
	host = strings.TrimSuffix(strings.ToLower(host), ".")
	return host == "localhost" || strings.HasSuffix(host, ".localhost")
}

const (
	secretPrefix = "whsec_"
	minSecret    = 24 // bytes
	maxSecret    = 64
)

func decodeSecret(secret setting.Secret) ([]byte, error) {
	text, ok := strings.CutPrefix(secret.Reveal(), secretPrefix)
	if !ok {
		return nil, errors.New(`must begin with "whsec_"`)
	}
	key, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, errors.New(`must be base64 after "whsec_"`)
	}
	if len(key) < minSecret || len(key) > maxSecret {
		return nil, fmt.Errorf("must have %d to %d bytes, has %d", minSecret, maxSecret, len(key))
	}
	return key, nil
}

// eventTypes returns the names of all events.
func eventTypes() []string {
	var all []string
	for _, t := range []registry.EventType{
		registry.EventCreated, registry.EventLive, registry.EventReconnecting, registry.EventResumed,
		registry.EventEnded, registry.EventReplayReady, registry.EventHealth, registry.EventKeyUsed,
	} {
		all = append(all, string(t))
	}
	return all
}
