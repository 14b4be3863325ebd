package ingest

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golive/internal/setting"
	"golive/media"
)

// handler is a PublishHandler that records the accepted publisher.
type handler struct {
	id        string
	publisher Publisher
	err       error
}

func (s *handler) Publish(_ context.Context, id string, p Publisher) (Sink, error) {
	s.id, s.publisher = id, p
	return sink{}, s.err
}

type sink struct{}

func (sink) WriteUnit(media.AccessUnit) error { return nil }
func (sink) Close(error)                      {}

func discard() *slog.Logger { return slog.New(slog.DiscardHandler) }

func keys(pairs ...string) PublishConfig {
	var c PublishConfig
	for i := 0; i < len(pairs); i += 2 {
		c.Keys = append(c.Keys, KeyConfig{ID: pairs[i], Key: setting.NewSecret(pairs[i+1])})
	}
	return c
}

func authorizer(t *testing.T, cfg PublishConfig, s *handler) *Authorizer {
	t.Helper()
	a, err := NewAuthorizer(cfg, s, discard())
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func admit(a *Authorizer, app, name string) (Admission, error) {
	return a.Admit(context.Background(), Request{Protocol: "rtmp", App: app, Name: name}, func(error) {})
}

func TestRow1_NameIsFoundHoweverTheURLIsSplit(t *testing.T) {
	for _, p := range [][2]string{
		{"live", "studio"},
		{"live/studio", ""},
		{"live/instance", "studio"},
		{"live", "instance/studio"},
		{"live/", "/studio"},
		{"any", "studio"},
		{"live", "rtmp://host:1935/live/studio"},
		{"", "rtmp://host/live/studio"},
	} {
		s := &handler{}
		a, err := admit(authorizer(t, PublishConfig{Open: true}, s), p[0], p[1])
		if err != nil || a.ID != "studio" || s.id != "studio" {
			t.Errorf("%q: id %q, err = %v", p, a.ID, err)
		}
	}
}

func TestRow2_QueryOfAppOrNameIsIgnored(t *testing.T) {
	for _, p := range [][2]string{
		{"live?vhost=a/b", "studio"},
		{"live", "studio?user=a/b&x=%zz"},
		{"live/studio?x", "?y"},
		{"live?a", "rtmp://host/live/studio?b=/../%00"},
	} {
		s := &handler{}
		a, err := admit(authorizer(t, PublishConfig{Open: true}, s), p[0], p[1])
		if err != nil || a.ID != "studio" || s.id != "studio" {
			t.Errorf("%q: id %q, err = %v", p, a.ID, err)
		}
	}
}

func TestAdmit_RefusesIllegalNames(t *testing.T) {
	for _, p := range [][2]string{
		{"live", ""},
		{"", "studio"},
		{"live", "../../etc/passwd"},
		{"..", "studio"},
		{"live", ".."},
		{"live", ".hidden"},
		{"live", "a\x00b"},
		{"live", "a\nb"},
		{"live", "a b"},
		{"live", "a%2fb"},
		{"live", `a\b`},
		{"live", strings.Repeat("x", 300)},
		{"live", "rtmp://host"},
		{"live", "ключ"},
	} {
		s := &handler{}
		if a, err := admit(authorizer(t, PublishConfig{Open: true}, s), p[0], p[1]); !errors.Is(err, ErrBadName) || s.id != "" {
			t.Errorf("%q: id %q, err = %v", p, a.ID, err)
		}
	}
}

func TestAdmit_FindsTheBroadcastByKeyAndHidesTheKey(t *testing.T) {
	s := &handler{}
	auth := authorizer(t, keys("one", "key-number-1", "two", "key-number-2"), s)
	a, err := admit(auth, "live", "key-number-2?x=1")
	if err != nil || a.ID != "two" || s.id != "two" || s.publisher.Name != "two" {
		t.Errorf("id %q, name %q, want two: %v", a.ID, s.publisher.Name, err)
	}
	for _, wrong := range []string{"two", "key-number-3", "key-number-", "key-number-22", "studio"} {
		_, err := admit(auth, "live", wrong)
		if !errors.Is(err, ErrUnauthorized) || strings.Contains(err.Error(), wrong) {
			t.Errorf("%q: err = %v, want ErrUnauthorized without the key", wrong, err)
		}
	}
}

func TestAdmit_ReturnsTheHandlersRefusal(t *testing.T) {
	if _, err := admit(authorizer(t, PublishConfig{Open: true}, &handler{err: ErrTaken}), "live", "studio"); !errors.Is(err, ErrTaken) {
		t.Errorf("err = %v, want ErrTaken", err)
	}
}

func TestReload_ReplacesTheKeys(t *testing.T) {
	auth := authorizer(t, keys("one", "key-number-1"), &handler{})
	file := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(file, []byte("key-in-a-file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := auth.Reload(PublishConfig{Keys: []KeyConfig{{ID: "two", KeyFile: file}}}); err != nil {
		t.Fatal(err)
	}
	if _, err := admit(auth, "live", "key-number-1"); !errors.Is(err, ErrUnauthorized) {
		t.Errorf("old key: err = %v, want ErrUnauthorized", err)
	}
	if a, err := admit(auth, "live", "key-in-a-file"); err != nil || a.ID != "two" {
		t.Errorf("new key: id %q, err = %v", a.ID, err)
	}
	for _, broken := range []string{filepath.Join(t.TempDir(), "none"), os.DevNull} {
		if err := auth.Reload(PublishConfig{Keys: []KeyConfig{{ID: "three", KeyFile: broken}}}); err == nil {
			t.Errorf("Reload with the key file %s returned no error", broken)
		}
	}
	if a, err := admit(auth, "live", "key-in-a-file"); err != nil || a.ID != "two" {
		t.Errorf("after failed reloads: id %q, want two: %v", a.ID, err)
	}
}

func TestNewAuthorizer_WarnsOnceWhenOpen(t *testing.T) {
	var out bytes.Buffer
	log := slog.New(slog.NewTextHandler(&out, nil))
	auth, err := NewAuthorizer(PublishConfig{Open: true}, &handler{}, log)
	if err != nil {
		t.Fatal(err)
	}
	if err := auth.Reload(PublishConfig{Open: true}); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(out.String(), "level=WARN"); n != 1 {
		t.Errorf("%d warnings, want 1:\n%s", n, &out)
	}
}

func TestValidate_RefusesKeysThatEncodersCannotSend(t *testing.T) {
	for _, k := range []string{"short", "with/a/slash", "with?a=query", "with a space"} {
		cfg := DefaultConfig()
		cfg.Publish = keys("studio", k)
		if err := cfg.Validate(); err == nil || strings.Contains(err.Error(), k) && k != "short" {
			t.Errorf("%q: err = %v, want one without the key", k, err)
		}
	}
	if err := DefaultConfig().Validate(); err != nil {
		t.Errorf("defaults: %v", err)
	}
}

func TestCleanEncoder_ReturnsPrintableASCII(t *testing.T) {
	for in, want := range map[string]string{
		"FMLE/3.0 (compatible; FMSc/1.0)": "FMLE/3.0 (compatible; FMSc/1.0)",
		" a\x1b[31mb\nc ":                 "a[31mbc",
		strings.Repeat("é", 1000) + "x":   "",
		strings.Repeat("x", 1000):         strings.Repeat("x", 64),
	} {
		if got := CleanEncoder(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}
