package storage_test

import (
	"strings"
	"testing"
	"time"

	"golive/storage"
)

func TestLiveRetention_AcceptsWindowOrADuration(t *testing.T) {
	for text, want := range map[string]time.Duration{"window": 0, "2h": 2 * time.Hour} {
		var r storage.LiveRetention
		if err := r.UnmarshalText([]byte(text)); err != nil || time.Duration(r) != want {
			t.Errorf("%s is read as %v, want %v: %v", text, time.Duration(r), want, err)
		}
		again, err := r.MarshalText()
		var back storage.LiveRetention
		if err != nil || back.UnmarshalText(again) != nil || back != r {
			t.Errorf("%s is written as %s, which is not read as the same", text, again)
		}
	}
	for _, bad := range []string{"", "all", "0s", "-1h", "2"} {
		var r storage.LiveRetention
		if err := r.UnmarshalText([]byte(bad)); err == nil {
			t.Errorf("%q is accepted", bad)
		}
	}
}

func TestConfig_ValidateBoundsSpoolAndRetention(t *testing.T) {
	for want, change := range map[string]func(*storage.Config){
		"":                 func(*storage.Config) {},
		"spool.max_bytes":  func(c *storage.Config) { c.Spool.MaxBytes = 1 << 20 },
		"sync":             func(c *storage.Config) { c.Sync = "sometimes" },
		"retention.replay": func(c *storage.Config) { c.Retention.Replay = -time.Second },
		"retention.live":   func(c *storage.Config) { c.Retention.Live = storage.LiveRetention(1 << 62) },
	} {
		c := storage.DefaultConfig()
		change(&c)
		err := c.Validate()
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("error is %v, want one that contains %q", err, want)
		}
	}
	c := storage.DefaultConfig()
	c.Spool.MaxBytes, c.Retention.Replay = 0, 0
	if err := c.Validate(); err != nil {
		t.Error(err)
	}
	if c.Spool.Dir("data") != "data/spool" {
		t.Error(c.Spool.Dir("data"))
	}
	c.Spool.Path = "/var/spool/golive"
	if c.Spool.Dir("data") != "/var/spool/golive" {
		t.Error(c.Spool.Dir("data"))
	}
}
