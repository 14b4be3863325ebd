package rollout

import (
	"net/url"
	"slices"
	"strconv"

	"golive/internal/setting"
)

// Config configures who may go live.
type Config struct {
	// Enabled is the kill switch: false refuses everybody. Broadcasts that are live go on.
	Enabled bool `yaml:"enabled"`
	// Allow holds the ids of users who may go live whatever Rules and Percent say: the pilot group.
	Allow []string `yaml:"allow"`
	// Deny holds the ids of users who may not, even if Allow has them.
	Deny []string `yaml:"deny"`
	// Percent is the share of users who may go live, from 0 to 100.
	Percent float64 `yaml:"percent"`
	// Rules restrict Percent to users for whom one of them holds; empty: all users.
	Rules []Rule `yaml:"rules"`
	// Sticky keeps users in who were let in once, until they are denied.
	Sticky bool `yaml:"sticky"`
	// Salt makes the choice of users differ from that of another server with the same Percent.
	Salt string `yaml:"salt"`
	// FallbackURL is where the app sends a user who may not go live; may be empty.
	FallbackURL string `yaml:"fallback_url"`
	// OFREPURL is the URL of a flag service that decides in place of Rules and Percent, over the
	// OpenFeature Remote Evaluation Protocol; empty is none.
	OFREPURL string `yaml:"ofrep_url"`
	// OFREPFlag is the key of the flag, which must be boolean.
	OFREPFlag string `yaml:"ofrep_flag"`
	// OFREPToken is the bearer token for the service; OFREPTokenFile is a file that holds it.
	OFREPToken     setting.Secret `yaml:"ofrep_token"`
	OFREPTokenFile string         `yaml:"ofrep_token_file"`
	// OFREPDefault is the answer when the service does not reply: DefaultDeny or DefaultAllow.
	OFREPDefault string `yaml:"ofrep_default"`
}

// The values of Config.OFREPDefault.
const (
	DefaultDeny  = "deny"
	DefaultAllow = "allow"
)

// DefaultConfig lets everybody go live.
func DefaultConfig() Config {
	return Config{Enabled: true, Percent: 100, Salt: "golive", OFREPFlag: "golive", OFREPDefault: DefaultDeny}
}

// Validate returns an error for every invalid value.
func (c Config) Validate() error {
	var p setting.Problems
	// Written so that NaN is refused.
	if !(c.Percent >= 0 && c.Percent <= 100) {
		p.Add("percent", "100 is everybody, 0.5 is one user in 200", "must be from 0 to 100, not %v", c.Percent)
	}
	for name, ids := range map[string][]string{"allow": c.Allow, "deny": c.Deny} {
		for i, id := range ids {
			if id == "" {
				p.Add(name+"["+strconv.Itoa(i)+"]", "an id is what the user's token has as its subject", "must not be empty")
			}
		}
	}
	for i, r := range c.Rules {
		r.validate(&p, "rules["+strconv.Itoa(i)+"]")
	}
	if c.FallbackURL != "" && !isHTTP(c.FallbackURL) {
		p.Add("fallback_url", `as in "https://example.com/live"`, "%q is not an http or https URL", c.FallbackURL)
	}
	c.validateOFREP(&p)
	return p.Err()
}

func (c Config) validateOFREP(p *setting.Problems) {
	if c.OFREPURL == "" {
		return
	}
	if !isHTTP(c.OFREPURL) {
		p.Add("ofrep_url", `as in "https://flags.example.com"; /ofrep/v1/evaluate/flags/ is added`, "%q is not an http or https URL", c.OFREPURL)
	}
	if c.OFREPFlag == "" {
		p.Add("ofrep_flag", "the key of a boolean flag, as in golive", "must not be empty")
	}
	if c.OFREPDefault != DefaultDeny && c.OFREPDefault != DefaultAllow {
		p.Add("ofrep_default", "it is the answer when the service does not reply", "must be %s or %s, not %q", DefaultDeny, DefaultAllow, c.OFREPDefault)
	}
}

// isHTTP reports whether text is an http or https URL.
func isHTTP(text string) bool {
	u, err := url.Parse(text)
	return err == nil && u.Host != "" && slices.Contains([]string{"https", "http"}, u.Scheme)
}
