package rollout

import (
	"slices"
	"strings"
	"time"

	"golive/internal/setting"
)

// Rule holds for the users who meet all of its conditions. A user without an attribute does not
// meet a condition on it.
type Rule struct {
	// Platform holds the platforms of the app, such as "android" and "ios"; empty: every one.
	Platform []string `yaml:"platform"`
	// Country holds ISO 3166-1 codes of two letters; empty: every one.
	Country []string `yaml:"country"`
	// MinAppVersion is the oldest version of the app, such as "8.2"; empty: every one.
	MinAppVersion string `yaml:"min_app_version"`
	// MinAccountDays is how many days old the account must be.
	MinAccountDays int `yaml:"min_account_days"`
	// MinFollowers is how many followers the user must have.
	MinFollowers int64 `yaml:"min_followers"`
}

func (r Rule) validate(p *setting.Problems, path string) {
	if r.isEmpty() {
		p.Add(path, "remove it: without rules every user counts", "has no condition")
	}
	for _, code := range r.Country {
		if len(code) != 2 || strings.ToUpper(code) != code {
			p.Add(path+".country", "DE, US", "%q is not a code of two capital letters", code)
		}
	}
	if r.MinAppVersion != "" {
		if _, ok := parseVersion(r.MinAppVersion); !ok {
			p.Add(path+".min_app_version", `as in "8.2" or "8.2.0"`, "%q is not a version", r.MinAppVersion)
		}
	}
	if r.MinAccountDays < 0 {
		p.Add(path+".min_account_days", "0 means any age", "must not be negative")
	}
	if r.MinFollowers < 0 {
		p.Add(path+".min_followers", "0 means any number", "must not be negative")
	}
}

func (r Rule) isEmpty() bool {
	return len(r.Platform) == 0 && len(r.Country) == 0 && r.MinAppVersion == "" && r.MinAccountDays == 0 && r.MinFollowers == 0
}

// holds reports whether u meets every condition at the time now.
func (r Rule) holds(u User, now time.Time) bool {
	return oneOf(r.Platform, u.Platform) &&
		oneOf(r.Country, u.Country) &&
		(r.MinAppVersion == "" || atLeast(u.AppVersion, r.MinAppVersion)) &&
		(r.MinAccountDays == 0 || !u.Created.IsZero() && now.Sub(u.Created) >= time.Duration(r.MinAccountDays)*24*time.Hour) &&
		(r.MinFollowers == 0 || u.Followers >= r.MinFollowers)
}

// oneOf reports whether list is empty or has value, whatever the case of its letters.
func oneOf(list []string, value string) bool {
	return len(list) == 0 || slices.ContainsFunc(list, func(s string) bool { return strings.EqualFold(s, value) })
}
