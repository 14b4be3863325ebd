package ingest

import (
	"errors"
	"net/url"
	"strings"
	"testing"

	"golive/internal/setting"
)

func TestRow65_NameIsTheSameInWhateverFormAnEncoderSendsIt(t *testing.T) {
	for _, tt := range []struct{ sent, want string }{
		{"studio-key_1.a~", "studio-key_1.a~"},
		{"studio%2Dkey", "studio-key"},
		{"studio%2dkey", "studio-key"},
		{"studio%252Dkey", "studio-key"},
		{"key%3D%3D?token=a%2Fb", "key=="},
		{"abc%2Fdef12", "abc/def12"}, // neither a valid key nor a valid id
		{"abc%252Fdef12", "abc/def12"},
		{"100%", "100%"},
		{"%zz%4", "%zz%4"},
		{"mp4:show.mp4", "show"}, // ffmpeg
		{"mp4:show", "show"},     // librtmp
		{"show.flv", "show"},     // GStreamer
		{"mp3:show", "show"},
		{".flv", ".flv"},
		{"mp4:", "mp4:"},
	} {
		if got, err := StreamName("live", tt.sent); err != nil || got != tt.want {
			t.Errorf("%q: %q, %v; want %q", tt.sent, got, err, tt.want)
		}
	}
	for _, sent := range []string{"%2e%2E", "%252e%252e", "a/%2e"} {
		if got, err := StreamName("live", sent); !errors.Is(err, ErrBadName) {
			t.Errorf("%q: %q, %v; want a refusal", sent, got, err)
		}
	}
}

func TestRow65_KeyThatEncodersChangeIsRefusedInTheConfiguration(t *testing.T) {
	for _, key := range []string{
		"abc%2Fdef12", "abc+def12", "abc#def12", "abc&def12", "abc?def12", "abc/def12", `abc\def12`, "abc;def12",
		"abc def12", "abc\tdef12", "abc\u00a0def12", "abcédef12", "ключ-ключ", `"abcdef12"`, "'abcdef12'", "`abcdef12`",
		"abc<def12", "mp4:abcdef12", "abcdef12.flv", "abcdef12.mp4",
	} {
		err := keys("studio", key).check(t)
		if err == nil {
			t.Errorf("%q is accepted", key)
		} else if strings.Contains(err.Error(), key) {
			t.Errorf("the key is in the message: %v", err)
		}
	}
	for _, key := range []string{"live_123_AbC-d.e~f", "c-secret-${key}", "abcd=efg==", "abc!$*(),:=@", "mp4abcdef", "abcdef12.ts"} {
		if err := keys("studio", key).check(t); err != nil {
			t.Errorf("%q: %v", key, err)
		}
	}
}

// check returns what is wrong with the configuration.
func (c PublishConfig) check(t *testing.T) error {
	t.Helper()
	c.Takeover = TakeoverSilent
	var p setting.Problems
	c.validate(&p)
	return p.Err()
}

func TestRow65_AcceptedKeyIsAdmittedAsItIsAndEscaped(t *testing.T) {
	const key = "abc!$*(),:=@d.e~f"
	escaped := url.PathEscape(key)
	every := ""
	for i := range len(key) {
		every += "%" + strings.ToUpper(string("0123456789abcdef"[key[i]>>4])+string("0123456789abcdef"[key[i]&15]))
	}
	for _, sent := range []string{key, escaped, url.PathEscape(every), every, url.QueryEscape(key), key + "?x=%3F"} {
		s := &handler{}
		if a, err := admit(authorizer(t, keys("studio", key), s), "live", sent); err != nil || a.ID != "studio" {
			t.Errorf("%q: id %q, err = %v", sent, a.ID, err)
		}
	}
}

// FuzzStreamName looks for empty and relative names, and for keys that the configuration accepts and
// that are not the same when they are sent escaped.
func FuzzStreamName(f *testing.F) {
	for _, seed := range [][2]string{
		{"live", "studio"},
		{"live/studio", ""},
		{"live", "abc%2Fdef12"},
		{"live", "mp4:a.mp4"},
		{"", "rtmp://h/live/k"},
		{"live", "%25%32%45"},
		{"live", "mp4:mp4:a"},
		{"live", "a.flv.mp4"},
		{"live", "%"},
	} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, app, name string) {
		if got, err := StreamName(app, name); err == nil && (got == "" || got == "." || got == "..") {
			t.Fatalf("%q %q: name %q", app, name, got)
		}
		if checkKey(setting.NewSecret(name)) != nil {
			return
		}
		for _, sent := range []string{name, url.PathEscape(name), url.PathEscape(url.PathEscape(name))} {
			if got, err := StreamName("live", sent); err != nil || got != name {
				t.Fatalf("key %q, sent as %q: %q, %v", name, sent, got, err)
			}
		}
	})
}
