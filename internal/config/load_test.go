package config

import (
	"bytes"
	"log/slog"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"golive/internal/setting"
)

// load returns what Load makes of a file with the text.
func load(t *testing.T, text string, in Input) *Loaded {
	t.Helper()
	t.Chdir(t.TempDir())
	write(t, "golive.yaml", text)
	in.File = "golive.yaml"
	loaded, err := Load(in)
	if err != nil {
		t.Fatal(err)
	}
	return loaded
}

func TestLoad_ReturnsTheDefaultsWithoutAFile(t *testing.T) {
	loaded, err := Load(Input{})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(Default(), loaded.Config, compareSecrets()); diff != "" {
		t.Errorf("differs from the defaults (-want +got):\n%s", diff)
	}
	if len(loaded.Origins) != 0 {
		t.Errorf("origins are %v, want none", loaded.Origins)
	}
}

func TestLoad_AcceptsAnEmptyFileAndEmptySections(t *testing.T) {
	for _, text := range []string{"", "# nothing\n", "---\n", "{}\n", "log:\ningest:\n  rtmp:\n"} {
		if loaded := load(t, text, Input{}); !cmp.Equal(Default(), loaded.Config, compareSecrets()) {
			t.Errorf("%q changed the defaults", text)
		}
	}
}

func TestLoad_ZeroMeansZero(t *testing.T) {
	loaded := load(t, "ingest: { reconnect_window: 0s }\nplaylist: { low_latency: false }\n", Input{})
	if got := loaded.Config.Ingest.ReconnectWindow; got != 0 {
		t.Errorf("reconnect_window is %v, want 0", got)
	}
	if loaded.Config.Playlist.LowLatency {
		t.Error("low_latency is true, want false")
	}
}

func TestLoad_PrefersFlagsToVariablesToTheFileToDefaults(t *testing.T) {
	loaded := load(t, "log: { level: warn, format: json }\ndata_dir: file\nplaylist: { window: 1m }\n", Input{
		Env:       []string{"GOLIVE_DATA_DIR=env", "GOLIVE_PLAYLIST_WINDOW=2m", "GOLIVE_INGEST_LIMITS_MESSAGE_SIZE=1MiB"},
		Overrides: []Override{{Flag: "--window", Path: "playlist.window", Value: "3m"}},
	})
	c := loaded.Config
	if c.Log.Level != "warn" || c.DataDir != "env" || c.Playlist.Window != 3*time.Minute || c.Ingest.Limits.MessageSize != setting.MiB {
		t.Errorf("got %+v, want the level of the file, data_dir and message_size of the environment and window of the flag", c)
	}
	want := map[string]string{
		"log.level":                  "golive.yaml:1",
		"data_dir":                   "env GOLIVE_DATA_DIR",
		"playlist.window":            "--window",
		"ingest.limits.message_size": "env GOLIVE_INGEST_LIMITS_MESSAGE_SIZE",
		"segmenter.part_duration":    "default",
	}
	for path, origin := range want {
		if got := loaded.Origins[path].String(); got != origin {
			t.Errorf("%s comes from %s, want %s", path, got, origin)
		}
	}
}

func TestLoad_ReplacesAWholeListFromTheEnvironment(t *testing.T) {
	loaded := load(t, "ingest: { publish: { open: false, keys: [ { id: a, key: a-secret-key }, { id: b, key: b-secret-key } ] } }\n",
		Input{Env: []string{"GOLIVE_INGEST_PUBLISH_KEYS=[{ id: c, key: 'c-secret-$${key}' }]"}})
	keys := loaded.Config.Ingest.Publish.Keys
	if len(keys) != 1 || keys[0].ID != "c" || keys[0].Key.Reveal() != "c-secret-$${key}" {
		t.Errorf("keys are %+v (%q), want c alone, its text as it is", keys, keys[0].Key.Reveal())
	}
	if o := loaded.Origins["ingest.publish.keys[1].id"]; o != (Origin{}) {
		t.Errorf("an element that was replaced has the origin %v, want none", o)
	}
}

func TestLoad_ExpandsVariablesInsideValues(t *testing.T) {
	env := []string{"A=x", "N=7", "YES=true", "KEY=12345678", "EVIL=\"}: ${A}"}
	tests := []struct{ yaml, want string }{
		{`data_dir: ${A}`, "x"},
		{`data_dir: "/${A}/${N}-"`, "/x/7-"},
		{`data_dir: '$${A} $A ${A}'`, "${A} $A x"},
		{"data_dir: |-\n  ${A}", "x"},
		{`data_dir: "${EVIL}"`, `"}: ${A}`},
	}
	for _, test := range tests {
		if got := load(t, test.yaml+"\n", Input{Env: env}).Config.DataDir; got != test.want {
			t.Errorf("%s gives %q, want %q", test.yaml, got, test.want)
		}
	}
	loaded := load(t, "ingest: { limits: { connections: \"${N}\" }, publish: { open: \"${YES}\" } }\nplaylist: { window: \"${N}m\" }\n", Input{Env: env})
	if c := loaded.Config; c.Ingest.Limits.Connections != 7 || c.Playlist.Window != 7*time.Minute {
		t.Errorf("numbers were not expanded: got %+v", c)
	}
	if got := loaded.Origins["playlist.window"].String(); got != "golive.yaml:2 (${N})" {
		t.Errorf("window comes from %s, want the file", got)
	}
}

func TestLoad_ReadsSecretsFromTheirFiles(t *testing.T) {
	dir := t.TempDir()
	write(t, dir+"/key", "from-a-file\r\n")
	loaded := load(t, "ingest: { publish: { open: false, keys: [ { id: a, key_file: \""+dir+"/key\" } ] } }\n", Input{})
	if got := loaded.Config.Ingest.Publish.Keys[0].Key.Reveal(); got != "from-a-file" {
		t.Errorf("key is %q", got)
	}
	if got := loaded.Config.Ingest.Publish.Keys[0].Key.File(); got != dir+"/key" {
		t.Errorf("the key's file is %q, from which it can be read again", got)
	}
	if got := loaded.Origins["ingest.publish.keys[0].key"].Via; got != "file "+dir+"/key" {
		t.Errorf("key came via %q", got)
	}
}

func TestLoad_ReadsTheBucketsKeysFromTheirFiles(t *testing.T) {
	dir := t.TempDir()
	write(t, dir+"/id", "AKID\n")
	write(t, dir+"/secret", "hush\n")
	s3 := load(t, "storage: { s3: { access_key_file: \""+dir+"/id\", secret_key_file: \""+dir+"/secret\" } }\n", Input{}).Config.Storage.S3
	if s3.AccessKey.Reveal() != "AKID" || s3.SecretKey.Reveal() != "hush" {
		t.Errorf("key pair is %q, %q", s3.AccessKey.Reveal(), s3.SecretKey.Reveal())
	}
}

func TestLoad_ValidatesSecretsFromFiles(t *testing.T) {
	t.Chdir(t.TempDir())
	write(t, "short", "short\n")
	write(t, "empty", "\n")
	write(t, "large", strings.Repeat("x", 64<<10+1))
	for file, problem := range map[string]string{
		"short": "ingest.publish.keys[0].key: must have at least 8 characters",
		"empty": "ingest.publish.keys[0].key_file: empty is empty",
		"large": "ingest.publish.keys[0].key_file: large holds more than 65536 bytes, which is too much for a secret",
		".":     "ingest.publish.keys[0].key_file: cannot be read: read .: is a directory",
	} {
		write(t, "golive.yaml", "ingest: { publish: { open: false, keys: [ { id: a, key_file: \""+file+"\" } ] } }\n")
		_, err := Load(Input{File: "golive.yaml"})
		if err == nil || !strings.HasPrefix(err.Error(), "golive.yaml:1:62: "+problem) {
			t.Errorf("%s: got %v, want %q", file, err, problem)
		}
	}
}

func TestLoad_WarnsOfVariablesThatSetNothing(t *testing.T) {
	loaded := load(t, "data_dir: \"${GOLIVE_MINE}\"\n", Input{Env: []string{
		"GOLIVE_MINE=x", "GOLIVE_LOG_LEVL=debug", "GOLIVE_PORT=tcp://10.0.0.1:80", "HOME=/", "GOLIVE_LOG_FORMAT=json",
	}})
	want := []string{
		"environment variable GOLIVE_LOG_LEVL is not a setting; did you mean GOLIVE_LOG_LEVEL?",
		"environment variable GOLIVE_PORT is not a setting",
	}
	if !slices.Equal(loaded.Warnings, want) {
		t.Errorf("warnings are %q, want %q", loaded.Warnings, want)
	}
}

func TestLoad_ReadsWindowsLineEndsAndAByteOrderMark(t *testing.T) {
	loaded := load(t, "\ufefflog:\r\n  level: debug\r\ndata_dir: here\r\n", Input{})
	if c := loaded.Config; c.Log.Level != "debug" || c.DataDir != "here" {
		t.Errorf("got level %q, data_dir %q", c.Log.Level, c.DataDir)
	}
}

func TestCheck_PrintsEachValueWithItsOrigin(t *testing.T) {
	t.Chdir(t.TempDir())
	write(t, "key", "a-secret-key\n")
	write(t, "golive.yaml", `log: { level: debug }
data_dir: "true"
ingest:
  publish:
    open: false
    keys:
      - id: a
        key_file: key
      - { id: b, key: "${KEY}" }
`)
	var out bytes.Buffer
	err := Check(&out, Input{
		File:      "golive.yaml",
		Env:       []string{"KEY=another-secret-key", "GOLIVE_INGEST_RECONNECT_WINDOW=90s", "GOLIVE_DATADIR=x"},
		Overrides: []Override{{Flag: "--memory", Path: "storage.backend", Value: "memory"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	// The comments stand in one column, which moves with the longest key.
	column := strings.LastIndex(strings.Split(out.String(), "\n")[2], "#")
	for line := range strings.Lines(out.String()) {
		if at := strings.LastIndex(line, " # ") + 1; at > 0 && at != column {
			t.Errorf("%q is not commented in column %d", line, column)
		}
	}
	flat := regexp.MustCompile(` +# `).ReplaceAllString(out.String(), " # ")
	for _, want := range []string{
		"# warning: environment variable GOLIVE_DATADIR is not a setting; did you mean GOLIVE_DATA_DIR?\n",
		"  level: debug # golive.yaml:1\n",
		"data_dir: \"true\" # golive.yaml:2\n",
		"    listen: \":1935\" # default\n",
		"      - id: a # golive.yaml:7\n        key: \"***\" # golive.yaml:8 (file key)\n        key_file: \"\" # default\n",
		"        key: \"***\" # golive.yaml:9 (${KEY})\n",
		"  reconnect_window: 1m30s # env GOLIVE_INGEST_RECONNECT_WINDOW\n",
		"    message_size: 16MiB # default\n",
		"  backend: memory # --memory\n",
	} {
		if !strings.Contains(flat, want) {
			t.Errorf("output lacks %q", want)
		}
	}
	if strings.Contains(out.String(), "secret-key") {
		t.Error("output shows a secret")
	}
	if t.Failed() {
		t.Log(out.String())
	}
}

func TestCheck_WritesNothingWhenThereAreProblems(t *testing.T) {
	t.Chdir(t.TempDir())
	write(t, "golive.yaml", "log: { level: loud }\n")
	var out bytes.Buffer
	if err := Check(&out, Input{File: "golive.yaml"}); err == nil || out.Len() > 0 {
		t.Errorf("got error %v and output %q", err, out.String())
	}
}

func TestDump_CanBeReadBack(t *testing.T) {
	for _, dir := range []string{"./data", "true", "NULL", "1.5", "1e3", "0x1f", ".inf", "a b", "${X}", "$${X}", "ü\t\"'\\", "# no", "- a", "a: b", "[", "-1", "~"} {
		loaded, err := Load(Input{Overrides: []Override{{Flag: "--dir", Path: "data_dir", Value: dir}}})
		if err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		if err := loaded.Dump(&out); err != nil {
			t.Fatal(err)
		}
		if got := load(t, out.String(), Input{}).Config.DataDir; got != dir {
			t.Errorf("%q came back as %q", dir, got)
		}
	}
}

func TestText_WritesDurationsWithoutTrailingZeroUnits(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0s", 15 * time.Second: "15s", 10 * time.Minute: "10m", time.Hour: "1h", 20 * time.Hour: "20h",
		90 * time.Second: "1m30s", time.Hour + 5*time.Second: "1h0m5s", 250 * time.Millisecond: "250ms", 90 * time.Minute: "1h30m",
	} {
		if got := text(d); got != want {
			t.Errorf("%v is written %q, want %q", int64(d), got, want)
		}
	}
}

func TestSameAddress_ComparesHostsThatOverlap(t *testing.T) {
	for _, test := range []struct {
		a, b string
		want bool
	}{
		{":80", ":80", true},
		{":80", "127.0.0.1:80", true},
		{"[::]:80", "127.0.0.1:80", true},
		{"10.0.0.1:80", "127.0.0.1:80", false},
		{":80", ":81", false},
		{":0", ":0", false},
		{"nonsense", "nonsense", false},
	} {
		if got := sameAddress(test.a, test.b); got != test.want {
			t.Errorf("%s and %s: %v, want %v", test.a, test.b, got, test.want)
		}
	}
}

func TestLogConfig_HandlerHasTheLevelAndFormat(t *testing.T) {
	for format, want := range map[string]string{"json": `"msg":"hello"`, "text": "msg=hello"} {
		var out bytes.Buffer
		h := LogConfig{Level: "warn", Format: format}.Handler(&out, slog.LevelWarn)
		log := slog.New(h)
		log.Debug("not this")
		log.Info("nor this")
		log.Warn("hello")
		if got := out.String(); strings.Count(got, "\n") != 1 || !strings.Contains(got, want) {
			t.Errorf("%s: logged %q, want one line with %s", format, got, want)
		}
	}
}

// FuzzLoad loads any text as a file: it is accepted or refused, and an accepted one is the same
// after it was dumped and read again.
func FuzzLoad(f *testing.F) {
	for _, seed := range []string{
		"", "log: { level: debug }\n", "a: [1, {b: *c}]\n", "ingest:\n  publish:\n    open: false\n    keys:\n      - { id: a, key: hunter2hunter2 }\n",
		"data_dir: |\n  a\n  b\n", "? a\n: b\n", "log: !!map {}\n", "data_dir: \"${X}\"\n", "\tlog:\n", "<<: {}\n",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		t.Chdir(t.TempDir())
		write(t, "golive.yaml", text)
		in := Input{File: "golive.yaml", Env: []string{"X=x"}}
		loaded, err := Load(in)
		if err != nil {
			return
		}
		var out bytes.Buffer
		if err := loaded.Dump(&out); err != nil {
			t.Fatal(err)
		}
		if len(loaded.Config.Ingest.Publish.Keys) > 0 {
			return // the dump masks their secrets
		}
		write(t, "golive.yaml", out.String())
		again, err := Load(in)
		if err != nil {
			t.Fatalf("the dump cannot be read: %v", err)
		}
		if diff := cmp.Diff(loaded.Config, again.Config, compareSecrets(), cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("the dump reads differently:\n%s", diff)
		}
	})
}

func TestLoad_AcceptsTheNameOfALadder(t *testing.T) {
	for _, in := range []Input{{}, {Env: []string{"GOLIVE_TRANSCODE_LADDER=hd"}}} {
		text := "transcode: { ladder: hd }\n"
		if in.Env != nil {
			text = ""
		}
		loaded := load(t, text, in)
		var names []string
		for _, r := range loaded.Config.Transcode.Ladder {
			names = append(names, r.Name)
		}
		if diff := cmp.Diff([]string{"720p", "540p", "360p", "234p"}, names); diff != "" {
			t.Errorf("rungs (-want +got):\n%s", diff)
		}
		if o := loaded.Origins["transcode.ladder[1].height"]; o.String() == "default" {
			t.Error("the origin of a rung's height is not that of the name")
		}
	}
}
