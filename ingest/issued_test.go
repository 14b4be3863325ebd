package ingest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"golive/media"
)

// issued is a Keys that maps each name to its broadcast's id, or to the error of its refusal.
type issued map[string]any

func (k issued) Lookup(name string) (id string, found bool, err error) {
	switch v := k[name].(type) {
	case string:
		return v, true, nil
	case error:
		return "", false, v
	}
	if strings.HasPrefix(name, "gl_") {
		return "", false, ErrUnauthorized
	}
	return "", false, nil
}

func TestAdmit_IssuedKeysInBothModes(t *testing.T) {
	all := issued{
		"gl_good":      "show",
		"gl_used":      fmt.Errorf("%w: its stream key was used", ErrEnded),
		"gl_revoked":   fmt.Errorf("%w: it was revoked", ErrUnauthorized),
		"owned":        fmt.Errorf("%w: broadcast has a stream key", ErrUnauthorized),
		"gl_away":      fmt.Errorf("%w: not yet known", ErrUnavailable),
		"gl_broken":    "../etc",
		"key-number-1": "not-this-one",
	}
	for _, test := range []struct {
		name   string
		open   string // the id in open mode; empty if refused
		closed string // the id with configured keys; empty if refused
		err    error
	}{
		{"gl_good", "show", "show", nil},
		{"gl_good?token=1", "show", "show", nil},
		{"gl_good.flv", "show", "show", nil},
		{"gl_used", "", "", ErrEnded},
		{"gl_revoked", "", "", ErrUnauthorized},
		{"gl_never-issued", "", "", ErrUnauthorized},
		{"gl_", "", "", ErrUnauthorized},
		{"gl_away", "", "", ErrUnavailable},
		{"gl_broken", "", "", ErrBadName},
		{"owned", "", "", ErrUnauthorized},
		{"free", "free", "", ErrUnauthorized},
		{"GL_good", "GL_good", "", ErrUnauthorized},
		{"show", "show", "", ErrUnauthorized},
		{"key-number-1", "not-this-one", "studio", nil}, // configured keys come first
	} {
		for mode, cfg := range map[string]PublishConfig{"open": {Open: true}, "closed": keys("studio", "key-number-1"), "issued only": {}} {
			want := test.closed
			switch {
			case mode == "open":
				want = test.open
			case mode == "issued only" && test.name == "key-number-1":
				want = "not-this-one"
			}
			for _, point := range [][2]string{{"live", test.name}, {"live/" + test.name, ""}, {"live", "rtmp://host/live/" + test.name}} {
				s := &handler{}
				auth := authorizer(t, cfg, s)
				auth.Keys = all
				a, err := admit(auth, point[0], point[1])
				wantErr := test.err
				if want != "" {
					wantErr = nil
				}
				if a.ID != want || s.id != want || !errors.Is(err, wantErr) {
					t.Errorf("%s: %q: id %q, published %q, err = %v; want %q", mode, point, a.ID, s.id, err, want)
				}
				if err != nil && strings.Contains(err.Error(), test.name) && test.name != "gl_" && test.name != "owned" {
					t.Errorf("%s: the error has the key: %v", mode, err)
				}
				isSecret := want != "" && want != test.name
				if p := s.publisher; isSecret && strings.Contains(fmt.Sprint(p.App, p.Name), test.name) {
					t.Errorf("%s: the publisher has the key: %+v", mode, p.Request)
				}
				if p := s.publisher; want != "" && p.Issued != (isSecret && want != "studio") {
					t.Errorf("%s: %q: issued is %v", mode, test.name, p.Issued)
				}
			}
		}
	}
}

// ending is a PublishHandler that ends the broadcast, whose key becomes invalid, while it publishes.
type ending struct {
	keys   issued
	closed error
}

func (e *ending) Publish(context.Context, string, Publisher) (Sink, error) {
	e.keys["gl_good"] = ErrEnded
	return e, nil
}

func (e *ending) WriteUnit(media.AccessUnit) error { return nil }
func (e *ending) Close(cause error)                { e.closed = cause }

func TestAdmit_RefusesAKeyThatBecomesInvalidMeanwhile(t *testing.T) {
	e := &ending{keys: issued{"gl_good": "show"}}
	auth, err := NewAuthorizer(PublishConfig{Open: true}, e, discard())
	if err != nil {
		t.Fatal(err)
	}
	auth.Keys = e.keys
	if _, err := admit(auth, "live", "gl_good"); !errors.Is(err, ErrEnded) || !errors.Is(e.closed, ErrEnded) {
		t.Errorf("err = %v, the sink was closed with %v; want ErrEnded", err, e.closed)
	}
}

func TestAdmit_RefusesTheKeyOfAnotherBroadcast(t *testing.T) {
	for _, test := range []struct {
		name, broadcast string
		want            error
	}{
		{"gl_good", "show", nil},
		{"gl_good", "", nil},
		{"gl_good", "free", ErrUnauthorized},
		{"gl_good", "gl_good", ErrUnauthorized},
		{"free", "free", nil},
		{"free", "show", ErrUnauthorized},
		{"show", "show", nil},
		{"owned", "owned", ErrUnauthorized},
		{"key-number-1", "studio", nil},
		{"key-number-1", "show", ErrUnauthorized},
	} {
		for mode, cfg := range map[string]PublishConfig{"open": {Open: true}, "closed": keys("studio", "key-number-1")} {
			s := &handler{}
			auth := authorizer(t, cfg, s)
			auth.Keys = issued{"gl_good": "show", "owned": fmt.Errorf("%w: broadcast has a stream key", ErrUnauthorized)}
			_, err := auth.Admit(t.Context(), Request{App: "live", Name: test.name, Broadcast: test.broadcast}, func(error) {})
			want := test.want
			if mode == "open" && test.name == "key-number-1" || mode == "closed" && test.name == test.broadcast {
				want = ErrUnauthorized // the name is not a key in this mode
			}
			if !errors.Is(err, want) || err != nil && (s.id != "" || strings.Contains(err.Error(), test.name)) && test.name != "owned" {
				t.Errorf("%s: %q as %q: published %q, err = %v, want %v", mode, test.name, test.broadcast, s.id, err, want)
			}
		}
	}
}
