package webhook

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golive/internal/setting"
)

func TestConfig_RefusesWhatCannotWork(t *testing.T) {
	good := Config{URL: "https://app.example.com/hook?x=1", Secret: testSecret, Events: []string{"broadcast.live", "stream_key.used"}}
	for want, change := range map[string]func(*Config){
		"": func(*Config) {},
		"webhooks[0].url: must be an address that begins with https://": func(c *Config) { c.URL = "" },
		"webhooks[0].url: must be an address":                           func(c *Config) { c.URL = "ftp://app.example.com" },
		"webhooks[0].url: must be an address that":                      func(c *Config) { c.URL = "https://a b" },
		"webhooks[0].url: must begin with https:// (set allow_private":  func(c *Config) { c.URL = "http://app.example.com" },
		"webhooks[0].url: must not contain a password":                  func(c *Config) { c.URL = "https://me:hidden-word@app.example.com" },
		"webhooks[0].url: must not have a fragment":                     func(c *Config) { c.URL = "https://app.example.com/#x" },
		"webhooks[0].url: is not a public address":                      func(c *Config) { c.URL = "https://10.0.0.1/" },
		"webhooks[0].url: is not a public address (set":                 func(c *Config) { c.URL = "https://[::1]/" },
		"webhooks[0].url: is not a public":                              func(c *Config) { c.URL = "https://LocalHost./" },
		`webhooks[0].secret: must begin with "whsec_"`:                  func(c *Config) { c.Secret = setting.NewSecret("hidden-word") },
		`webhooks[0].secret: must begin with`:                           func(c *Config) { c.Secret = setting.Secret{} },
		"webhooks[0].secret: must be base64":                            func(c *Config) { c.Secret = setting.NewSecret("whsec_hidden-word") },
		"webhooks[0].secret: must have 24 to 64 bytes, has 3":           func(c *Config) { c.Secret = setting.NewSecret("whsec_YWJj") },
		"webhooks[0].secret_file: must be empty":                        func(c *Config) { c.SecretFile = "x" },
		`webhooks[0].events[2]: "broadcast.lives" is no event (one of`:  func(c *Config) { c.Events = append(c.Events, "broadcast.lives") },
	} {
		c := good
		change(&c)
		var p setting.Problems
		c.Validate("webhooks[0]", &p)
		if err := p.Err(); want == "" && err != nil || want != "" && (err == nil || !strings.HasPrefix(err.Error(), want) || strings.Contains(err.Error(), "hidden-word")) {
			t.Errorf("%+v: %v, want %s", c, err, want)
		}
	}
	var p setting.Problems
	private("http://127.0.0.1:1/hook").Validate("webhooks[0]", &p)
	if err := p.Err(); err != nil {
		t.Error(err)
	}
}

func TestAdmissionConfig_RefusesWhatCannotWork(t *testing.T) {
	for want, change := range map[string]func(*AdmissionConfig){
		"":                                   func(*AdmissionConfig) {},
		"admission.timeout: must be":         func(c *AdmissionConfig) { c.Timeout = 9 * time.Second },
		"admission.timeout: must be from":    func(c *AdmissionConfig) { c.Timeout = 0 },
		`admission.on_failure: "" is not`:    func(c *AdmissionConfig) { c.OnFailure = "" },
		"admission.secret: must begin with ": func(c *AdmissionConfig) { c.Secret = setting.Secret{} },
		"admission.url: must begin with":     func(c *AdmissionConfig) { c.URL = "http://app.example.com" },
	} {
		c := DefaultAdmissionConfig()
		c.URL, c.Secret = "https://app.example.com/", testSecret
		change(&c)
		var p setting.Problems
		c.Validate("admission", &p)
		if err := p.Err(); want == "" && err != nil || want != "" && (err == nil || !strings.HasPrefix(err.Error(), want)) {
			t.Errorf("%+v: %v, want %s", c, err, want)
		}
	}
}

func TestNewDeliverer_ReadsSecretFilesAndRefusesDuplicates(t *testing.T) {
	file := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(file, []byte(testSecret.Reveal()+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c := Config{URL: "https://app.example.com/", SecretFile: file}
	if _, err := NewDeliverer([]Config{c}, memoryQueue{}, discard(), nil); err != nil {
		t.Error(err)
	}
	if _, err := NewDeliverer([]Config{c, c}, memoryQueue{}, discard(), nil); err == nil || !strings.Contains(err.Error(), "webhooks[1]: url is that of another one") {
		t.Errorf("err = %v", err)
	}
	c.SecretFile += "x"
	if _, err := NewDeliverer([]Config{c}, memoryQueue{}, discard(), nil); err == nil || !strings.Contains(err.Error(), "webhooks[0]: secret cannot be read") {
		t.Errorf("err = %v", err)
	}
}
