package ingest

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"golive/internal/setting"
)

// Config configures the listeners, who may publish, and the limits.
type Config struct {
	RTMP      RTMPConfig      `yaml:"rtmp"`
	RTMPS     RTMPSConfig     `yaml:"rtmps"`
	WebSocket WebSocketConfig `yaml:"websocket"`
	WHIP      WHIPConfig      `yaml:"whip"`
	Publish   PublishConfig   `yaml:"publish"`
	// ReconnectWindow is how long a broadcast stays live after its publisher was lost, so
	// that it can reconnect. From 0s (ends at once) to 10m.
	ReconnectWindow time.Duration `yaml:"reconnect_window"`
	// IdleTimeout is the time without audio or video after which a session ends. From
	// 1s to 5m.
	IdleTimeout time.Duration `yaml:"idle_timeout"`
	Limits      LimitsConfig  `yaml:"limits"`
}

// RTMPConfig configures the RTMP listener.
type RTMPConfig struct {
	// Listen is the TCP address, HOST:PORT; without a host, all interfaces.
	Listen string `yaml:"listen"`
}

// RTMPSConfig configures the listener for RTMP over TLS.
type RTMPSConfig struct {
	// Listen is the TCP address, HOST:PORT; empty disables it. Encoders expect port 443.
	Listen string `yaml:"listen"`
	// CertFile holds the certificate with its chain, KeyFile its key, both PEM. They are
	// read again when they change.
	CertFile string `yaml:"cert_file"`
	KeyFile  string `yaml:"key_file"`
}

// WebSocketConfig configures publishing over WebSocket, from pages, on the HTTP listeners.
type WebSocketConfig struct {
	// Enabled is false if there is no such address.
	Enabled bool `yaml:"enabled"`
}

// WHIPConfig configures publishing over WHIP. Its requests go to the HTTP server.
type WHIPConfig struct {
	// Listen is the UDP address for media, HOST:PORT; empty disables WHIP.
	Listen string `yaml:"listen"`
	// Advertise are the IP addresses at which peers reach Listen; empty means those of the
	// interfaces.
	Advertise []string `yaml:"advertise"`
}

func (c WHIPConfig) validate(p *setting.Problems) {
	for i, text := range c.Advertise {
		if _, err := netip.ParseAddr(text); err != nil {
			p.Add(fmt.Sprintf("whip.advertise[%d]", i), `the public address of this machine, as in "203.0.113.7"`, "%q is not an IP address", text)
		}
	}
}

func (c RTMPSConfig) validate(p *setting.Problems) {
	if c.Listen == "" {
		return
	}
	if c.CertFile == "" {
		p.Add("rtmps.cert_file", "a PEM file with the certificate and its chain", "must be set when rtmps.listen is")
	}
	if c.KeyFile == "" {
		p.Add("rtmps.key_file", "a PEM file with the certificate's key", "must be set when rtmps.listen is")
	}
}

// PublishConfig configures who may publish.
type PublishConfig struct {
	// Open allows anybody to publish under any free name, for a first run on a laptop. It
	// must be false if there are keys.
	Open bool `yaml:"open"`
	// Keys are the stream keys if Open is false, besides those that the API issues.
	Keys []KeyConfig `yaml:"keys"`
	// Takeover is when a second publisher of the same broadcast replaces the first, which is
	// still connected: "silent" (it has sent nothing for a second), "always" or "never".
	Takeover Takeover `yaml:"takeover"`
	// EndOnUnpublish ends a broadcast immediately when its encoder unpublishes. Otherwise it
	// stays live for reconnect_window, as after a lost connection.
	EndOnUnpublish bool `yaml:"end_on_unpublish"`
}

// KeyConfig allows a publisher with Key to publish the broadcast ID.
type KeyConfig struct {
	// ID is the broadcast's public name: 1 to 64 letters, digits, "-", "_", ".".
	ID string `yaml:"id"`
	// Key is the secret stream key, at least 8 characters.
	Key setting.Secret `yaml:"key"`
	// KeyFile is a file that holds the key, in place of Key.
	KeyFile string `yaml:"key_file"`
}

// minKeyLength is the shortest stream key, in characters.
const minKeyLength = 8

// DefaultConfig returns a configuration in which anybody may publish, on the standard port.
func DefaultConfig() Config {
	return Config{
		RTMP:            RTMPConfig{Listen: ":1935"},
		WebSocket:       WebSocketConfig{Enabled: true},
		Publish:         PublishConfig{Open: true, Takeover: TakeoverSilent, EndOnUnpublish: true},
		ReconnectWindow: 15 * time.Second,
		IdleTimeout:     10 * time.Second,
		Limits:          defaultLimits(),
	}
}

// Validate returns an error for every invalid value.
func (c Config) Validate() error {
	var p setting.Problems
	if c.ReconnectWindow < 0 || c.ReconnectWindow > 10*time.Minute {
		p.Add("reconnect_window", "15s lets a phone change networks", "must be from 0s to 10m")
	}
	if c.IdleTimeout < time.Second || c.IdleTimeout > 5*time.Minute {
		p.Add("idle_timeout", "10s suits most encoders", "must be from 1s to 5m")
	}
	c.RTMPS.validate(&p)
	c.WHIP.validate(&p)
	c.Limits.validate(&p)
	c.Publish.validate(&p)
	return p.Err()
}

func (c PublishConfig) validate(p *setting.Problems) {
	c.Takeover.validate(p)
	if c.Open && len(c.Keys) > 0 {
		p.Add("publish.open", "set open: false, or remove the keys", "must be false when keys are set: an open server needs no keys")
	}
	seen := make(map[string]int, len(c.Keys))
	for i, k := range c.Keys {
		at := fmt.Sprintf("publish.keys[%d]", i)
		if err := CheckID(k.ID); err != nil {
			p.Add(at+".id", "", "%v", err)
		}
		if k.KeyFile == "" {
			if err := checkKey(k.Key); err != nil {
				p.Add(at+".key", "a long random string, from the environment: \"${STUDIO_KEY}\"", "%v", err)
			}
		} else if !k.Key.Empty() {
			p.Add(at+".key_file", "", "must be empty when key is set")
		}
		if first, ok := seen[k.Key.Reveal()]; ok && !k.Key.Empty() {
			p.Add(at+".key", "", "is the same as that of publish.keys[%d]", first)
		}
		seen[k.Key.Reveal()] = i
	}
}

// unsafeKeyChars are the characters of a key that some encoder changes before sending it, or
// at which it ends the key: it decodes "%", reads "+" as a space, cuts at "?", "#" and
// ";", strips quotes, turns "\" into "/", or escapes "&" and "<" as in XML.
const unsafeKeyChars = "%+?#;/\\\"'`&<>"

// checkKey returns an error if key cannot be a stream key because encoders send it
// differently.
func checkKey(key setting.Secret) error {
	k := key.Reveal()
	if len(k) < minKeyLength {
		return fmt.Errorf("must have at least %d characters", minKeyLength)
	}
	const instead = "use letters, digits, '-', '_', '.', '~'"
	for _, r := range k {
		switch {
		case r <= ' ':
			return errors.New("must not contain white space or control characters: " + instead)
		case r > '~':
			return errors.New("must be ASCII, encoders change other characters: " + instead)
		case strings.ContainsRune(unsafeKeyChars, r):
			return fmt.Errorf("must not contain %q, which encoders change or end the key at: %s", r, instead)
		}
	}
	if name, err := StreamName("live", k); err != nil || name != k {
		return errors.New("must not look like a file's name, as mp4:KEY or KEY.flv do: encoders change it")
	}
	return nil
}
