package rollout

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"
)

var now = time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)

func TestPolicy_EachPercentageIsASupersetOfTheOneBelow(t *testing.T) {
	const users = 100_000
	in := map[string]bool{}
	for _, percent := range []float64{1, 5, 25, 50, 100} {
		c := DefaultConfig()
		c.Percent = percent
		p := New(c)
		n := 0
		for i := range users {
			id := fmt.Sprintf("user-%d", i)
			allowed := p.Decide(User{ID: id}, false, now).Allowed
			if in[id] && !allowed {
				t.Fatalf("%s is out at %v %%", id, percent)
			}
			if allowed {
				in[id] = true
				n++
			}
		}
		share := percent / 100
		// 3.29 standard deviations are the 99.9 % interval of a binomial distribution.
		if bound := 3.29 * math.Sqrt(users*share*(1-share)); math.Abs(float64(n)-users*share) > bound {
			t.Errorf("%v %%: %d of %d users, want %.0f ± %.0f", percent, n, users, users*share, bound)
		}
	}
}

func TestPolicy_AnotherSaltChoosesOtherUsers(t *testing.T) {
	c := DefaultConfig()
	c.Percent = 50
	a := New(c)
	c.Salt = "another"
	b := New(c)
	same := 0
	for i := range 10_000 {
		u := User{ID: fmt.Sprint(i)}
		if a.Decide(u, false, now).Allowed == b.Decide(u, false, now).Allowed {
			same++
		}
	}
	if same < 4_800 || same > 5_200 {
		t.Errorf("%d of 10000 users have the same answer, want about half", same)
	}
}

func TestPolicy_DecidesInOrder(t *testing.T) {
	android := []Rule{{Platform: []string{"android"}}}
	for name, test := range map[string]struct {
		config Config
		user   User
		wasIn  bool
		want   bool
		reason Reason
	}{
		"everybody":                {Config{Enabled: true, Percent: 100}, User{ID: "u"}, false, true, Static},
		"nobody":                   {Config{Enabled: true}, User{ID: "u"}, false, false, Split},
		"the kill switch":          {Config{Percent: 100, Allow: []string{"u"}, Sticky: true}, User{ID: "u"}, true, false, Disabled},
		"allowed":                  {Config{Enabled: true, Allow: []string{"u"}}, User{ID: "u"}, false, true, TargetingMatch},
		"allowed despite rules":    {Config{Enabled: true, Allow: []string{"u"}, Rules: android}, User{ID: "u"}, false, true, TargetingMatch},
		"denied and allowed":       {Config{Enabled: true, Percent: 100, Allow: []string{"u"}, Deny: []string{"u"}}, User{ID: "u"}, false, false, TargetingMatch},
		"in before":                {Config{Enabled: true, Sticky: true}, User{ID: "u"}, true, true, TargetingMatch},
		"in before, not sticky":    {Config{Enabled: true}, User{ID: "u"}, true, false, Split},
		"in before, then denied":   {Config{Enabled: true, Sticky: true, Deny: []string{"u"}}, User{ID: "u"}, true, false, TargetingMatch},
		"a rule holds":             {Config{Enabled: true, Percent: 100, Rules: android}, User{ID: "u", Platform: "Android"}, false, true, TargetingMatch},
		"no rule holds":            {Config{Enabled: true, Percent: 100, Rules: android}, User{ID: "u", Platform: "ios"}, false, false, TargetingMatch},
		"an attribute is missing":  {Config{Enabled: true, Percent: 100, Rules: android}, User{ID: "u"}, false, false, TargetingMatch},
		"a rule holds, percent 0":  {Config{Enabled: true, Rules: android}, User{ID: "u", Platform: "android"}, false, false, Split},
		"the id differs by a case": {Config{Enabled: true, Allow: []string{"U"}}, User{ID: "u"}, false, false, Split},
	} {
		t.Run(name, func(t *testing.T) {
			test.config.FallbackURL = "https://example.com/live"
			d := New(test.config).Decide(test.user, test.wasIn, now)
			if d.Allowed != test.want || d.Reason != test.reason || d.Message == "" {
				t.Errorf("%+v, want allowed %v because of %s", d, test.want, test.reason)
			}
			if want := map[bool]string{true: "on", false: "off"}[test.want]; d.Variant() != want {
				t.Errorf("the variant is %q, want %q", d.Variant(), want)
			}
			if (d.FallbackURL == "") != d.Allowed {
				t.Errorf("the fallback URL is %q", d.FallbackURL)
			}
		})
	}
}

func TestRule_AllConditionsMustHold(t *testing.T) {
	rule := Rule{Platform: []string{"android", "ios"}, Country: []string{"DE", "US"}, MinAppVersion: "8.2", MinAccountDays: 30, MinFollowers: 100}
	user := User{ID: "u", Platform: "ios", Country: "us", AppVersion: "8.2.0", Created: now.AddDate(0, 0, -30), Followers: 100}
	if !rule.holds(user, now) {
		t.Fatalf("%+v does not hold for %+v", rule, user)
	}
	for name, change := range map[string]func(*User){
		"another platform": func(u *User) { u.Platform = "web" },
		"no platform":      func(u *User) { u.Platform = "" },
		"another country":  func(u *User) { u.Country = "FR" },
		"no country":       func(u *User) { u.Country = "" },
		"an older app":     func(u *User) { u.AppVersion = "8.1.9" },
		"no app version":   func(u *User) { u.AppVersion = "" },
		"an odd version":   func(u *User) { u.AppVersion = "beta" },
		"a new account":    func(u *User) { u.Created = now.AddDate(0, 0, -29) },
		"no account date":  func(u *User) { u.Created = time.Time{} },
		"few followers":    func(u *User) { u.Followers = 99 },
	} {
		u := user
		change(&u)
		if rule.holds(u, now) {
			t.Errorf("it holds for a user with %s", name)
		}
	}
}

func TestVersion_IsComparedByNumbers(t *testing.T) {
	for _, c := range []struct {
		have, want string
		ok         bool
	}{
		{"8.2", "8.2.0", true},
		{"8.10", "8.9", true},
		{"8.2.0-beta+5", "8.2", true},
		{"v9", "8.2", true},
		{"8", "8.0.1", false},
		{"", "0", false},
		{"8..1", "8", false},
		{"8.-1", "8", false},
	} {
		if got := atLeast(c.have, c.want); got != c.ok {
			t.Errorf("%q is at least %q: %v", c.have, c.want, got)
		}
	}
}

func TestConfig_RefusesWrongValues(t *testing.T) {
	if err := DefaultConfig().Validate(); err != nil {
		t.Errorf("the default: %v", err)
	}
	for want, change := range map[string]func(*Config){
		"percent":                   func(c *Config) { c.Percent = 101 },
		"percent:":                  func(c *Config) { c.Percent = math.NaN() },
		"allow[1]":                  func(c *Config) { c.Allow = []string{"a", ""} },
		"deny[0]":                   func(c *Config) { c.Deny = []string{""} },
		"rules[0]":                  func(c *Config) { c.Rules = []Rule{{}} },
		"rules[0].country":          func(c *Config) { c.Rules = []Rule{{Country: []string{"Germany"}}} },
		"rules[0].min_app_version":  func(c *Config) { c.Rules = []Rule{{MinAppVersion: "latest"}} },
		"rules[0].min_account_days": func(c *Config) { c.Rules = []Rule{{MinAccountDays: -1}} },
		"rules[0].min_followers":    func(c *Config) { c.Rules = []Rule{{MinFollowers: -1}} },
		"fallback_url":              func(c *Config) { c.FallbackURL = "javascript:alert(1)" },
	} {
		c := DefaultConfig()
		change(&c)
		if err := c.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}

func BenchmarkPolicy_Decide(b *testing.B) {
	c := DefaultConfig()
	c.Percent = 50
	p := New(c)
	b.ReportAllocs()
	for b.Loop() {
		p.Decide(User{ID: "user-12345"}, false, now)
	}
}
