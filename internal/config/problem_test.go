package config

import (
	"errors"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestLoad_ReportsEveryProblem holds every problem that the package reports:
// a file, and exactly what the operator reads.
func TestLoad_ReportsEveryProblem(t *testing.T) {
	tests := []struct {
		name, file string
		env        []string
		want       string
	}{
		{
			name: "unknown key, near miss",
			file: "ingest:\n  rtmp:\n    listn: \":1935\"\n",
			want: `
golive.yaml:3:5: ingest.rtmp: unknown key "listn"
    3 |     listn: ":1935"
      |     ^
    hint: did you mean listen?`,
		},
		{
			name: "unknown key of another section",
			file: "segment_duration: 2s\n",
			want: `
golive.yaml:1:1: unknown key "segment_duration"
    1 | segment_duration: 2s
      | ^
    hint: did you mean segmenter.segment_duration?`,
		},
		{
			name: "unknown key like no other",
			file: "log:\n  colour: true\n",
			want: `
golive.yaml:2:3: log: unknown key "colour"
    2 |   colour: true
      |   ^
    hint: the keys of log are level, format`,
		},
		{
			name: "pictures out of range",
			file: "pictures:\n  interval: 500ms\n  poster_size: 100\n  preview_size: 400\n",
			want: `
golive.yaml:2:13: pictures.interval: must be from 1s to 1h
    2 |   interval: 500ms
      |             ^
    hint: 10s costs about 3 % of a core for each broadcast
golive.yaml:3:16: pictures.poster_size: must be from 160 to 1920
    3 |   poster_size: 100
      |                ^
    hint: 1280 suits a page and a link preview
golive.yaml:4:17: pictures.preview_size: must be from 64 to 320
    4 |   preview_size: 400
      |                 ^
    hint: 160 suits a seek bar`,
		},
		{
			name: "a ladder with wrong rungs",
			file: "transcode:\n  encoder: x265\n  max_cpu: 0\n  ladder:\n" +
				"    - { name: source, height: 720, video_bitrate: 3M, audio_bitrate: 128k }\n" +
				"    - { name: low, height: 0, video_bitrate: 500M, audio_bitrate: 128k }\n" +
				"    - { name: low, height: 361, video_bitrate: 800k, audio_bitrate: 128k, preset: warp, profile: high10 }\n",
			want: `
golive.yaml:2:12: transcode.encoder: must be one of auto, x264, vaapi, nvenc, qsv, not "x265"
    2 |   encoder: x265
      |            ^
    hint: auto takes what works
golive.yaml:3:12: transcode.max_cpu: must be above 0 and at most 1
    3 |   max_cpu: 0
      |            ^
    hint: 0.8 leaves a fifth of the machine to the rest; an empty ladder turns transcoding off
golive.yaml:5:15: transcode.ladder[0].name: must not be "source"
    5 |     - { name: source, height: 720, video_bitrate: 3M, audio_bitrate: 128k }
      |               ^
    hint: the untouched source always exists; remove the rung, or give it another name
golive.yaml:6:28: transcode.ladder[1].height: must not be 0
    6 |     - { name: low, height: 0, video_bitrate: 500M, audio_bitrate: 128k }
      |                            ^
    hint: write 720, or audio_only: true for a rung without pictures
golive.yaml:6:46: transcode.ladder[1].video_bitrate: must be from 50k to 100M, not 500M
    6 |     - { name: low, height: 0, video_bitrate: 500M, audio_bitrate: 128k }
      |                                              ^
    hint: 3000k suits 720p
golive.yaml:7:15: transcode.ladder[2].name: "low" is the name of ladder[1] too
    7 |     - { name: low, height: 361, video_bitrate: 800k, audio_bitrate: 128k, preset: warp, profile: high10 }
      |               ^
    hint: give each rung its own name
golive.yaml:7:28: transcode.ladder[2].height: must be even, not 361
    7 |     - { name: low, height: 361, video_bitrate: 800k, audio_bitrate: 128k, preset: warp, profile: high10 }
      |                            ^
    hint: write 360 or 362
golive.yaml:7:83: transcode.ladder[2].preset: must be one of ultrafast, superfast, veryfast, faster, fast, medium, slow, slower, not "warp"
    7 |     - { name: low, height: 361, video_bitrate: 800k, audio_bitrate: 128k, preset: warp, profile: high10 }
      |                                                                                   ^
    hint: veryfast is the default
golive.yaml:7:98: transcode.ladder[2].profile: must be one of baseline, main, high, not "high10"
    7 |     - { name: low, height: 361, video_bitrate: 800k, audio_bitrate: 128k, preset: warp, profile: high10 }
      |                                                                                                  ^
    hint: high is the default`,
		},
		{
			name: "a ladder that is not a preset",
			file: "transcode: { ladder: huge }\n",
			want: `
golive.yaml:1:22: transcode.ladder: "huge" is not a preset: write mobile, hd, full, or a list of rungs
    1 | transcode: { ladder: huge }
      |                      ^`,
		},
		{
			name: "duplicate key",
			file: "log:\n  level: info\nlog: { format: json }\n",
			want: `
golive.yaml:3:1: key "log" is set in line 1 already
    3 | log: { format: json }
      | ^
    hint: keep one of them`,
		},
		{
			name: "several problems, in the order of lines",
			file: "segmenter:\n  segment_duration: 2\n  part_duration: soon\nplaylist: { low_latency: \"true\", window: 5s }\n",
			want: `
golive.yaml:2:21: segmenter.segment_duration: "2" is not a duration
    2 |   segment_duration: 2
      |                     ^
    hint: write it with its unit: 2s
golive.yaml:3:18: segmenter.part_duration: "soon" is not a duration
    3 |   part_duration: soon
      |                  ^
    hint: write a number with its unit: 250ms, 15s, 1h30m
golive.yaml:4:26: playlist.low_latency: must be true or false, without quotes
    4 | playlist: { low_latency: "true", window: 5s }
      |                          ^
golive.yaml:4:42: playlist.window: must be from 12s to 1h
    4 | playlist: { low_latency: "true", window: 5s }
      |                                          ^
    hint: 30s suits most broadcasts`,
		},
		{
			name: "wrong types",
			file: "ingest:\n  limits:\n    connections: 1.5\n    message_size: lots\norigin:\n  listen: 8080\nadmin: off\nlog: { level: [info] }\n",
			want: `
golive.yaml:3:18: ingest.limits.connections: must be a whole number, not "1.5"
    3 |     connections: 1.5
      |                  ^
golive.yaml:4:19: ingest.limits.message_size: "lots" is not a size: write a whole number with KiB, MiB or GiB
    4 |     message_size: lots
      |                   ^
golive.yaml:6:11: origin.listen: must be text
    6 |   listen: 8080
      |           ^
    hint: put it in quotes: "8080"
golive.yaml:7:8: admin: must hold keys
    7 | admin: off
      |        ^
    hint: the keys of admin are listen, hosts
golive.yaml:8:15: log.level: must be one value
    8 | log: { level: [info] }
      |               ^`,
		},
		{
			name: "text with a colon inside { }",
			file: "rollout: { allow: [app:ann] }\n",
			want: `
golive.yaml:1:20: rollout.allow[0]: must be one value
    1 | rollout: { allow: [app:ann] }
      |                    ^
    hint: if it is text with a colon, put it in quotes`,
		},
		{
			name: "a list that is none",
			file: "ingest:\n  publish:\n    open: false\n    keys: studio\n",
			want: `
golive.yaml:4:11: ingest.publish.keys: must be a list
    4 |     keys: studio
      |           ^
    hint: write each element in its own line after "- ", or [] for none`,
		},
		{
			name: "no value",
			file: "log:\n  level:\n",
			want: `
golive.yaml:2:3: log.level: has no value
    2 |   level:
      |   ^
    hint: write a value, or remove the key for the default`,
		},
		{
			name: "keys of publishers, and no secret is shown",
			file: `ingest:
  publish:
    open: false
    keys:
      - { id: a b, key: hunter2 }
      - id: x
        key: "${NOPE}"
      - id: y
        kee: opensesame # a slip
      - id: z
        key_file: no-such-file
      - id: both
        key: opensesame
        key_file: no-such-file
      - id: number
        key: 12345678
      - id: none
`,
			want: `
golive.yaml:5:15: ingest.publish.keys[0].id: stream name is not allowed: character ' ' at 1; use letters, digits, '-', '_', '.'
    5 |       - { id: a b, key: *** }
      |               ^
golive.yaml:5:25: ingest.publish.keys[0].key: must have at least 8 characters
    5 |       - { id: a b, key: *** }
      |                         ^
    hint: a long random string, from the environment: "${STUDIO_KEY}"
golive.yaml:7:14: ingest.publish.keys[1].key: environment variable NOPE is not set
    7 |         key: ***
      |              ^
golive.yaml:9:9: ingest.publish.keys[2]: unknown key "kee"
    9 |         kee: *** # a slip
      |         ^
    hint: did you mean key?
golive.yaml:11:19: ingest.publish.keys[3].key_file: cannot be read: open no-such-file: no such file or directory
   11 |         key_file: no-such-file
      |                   ^
golive.yaml:14:19: ingest.publish.keys[4].key_file: ingest.publish.keys[4].key is set too
   14 |         key_file: no-such-file
      |                   ^
    hint: keep one of them
golive.yaml:16:14: ingest.publish.keys[5].key: must be text
   16 |         key: ***
      |              ^
    hint: put it in quotes: "..."
golive.yaml:17:9: ingest.publish.keys[6].key: must have at least 8 characters
   17 |       - id: none
      |         ^
    hint: a long random string, from the environment: "${STUDIO_KEY}"`,
		},
		{
			name: "an element that is none",
			file: "ingest: { publish: { open: false, keys: [studio, ~] } }\n",
			want: `
golive.yaml:1:42: ingest.publish.keys[0]: must hold keys
    1 | ingest: { publish: { open: false, keys: [studio, ~] } }
      |                                          ^
    hint: the keys of ingest.publish.keys[0] are id, key, key_file
golive.yaml:1:50: ingest.publish.keys[1]: is empty
    1 | ingest: { publish: { open: false, keys: [studio, ~] } }
      |                                                  ^
    hint: remove it`,
		},
		{
			name: "variables",
			file: "log: { level: \"${A-B}\", format: \"${FORMAT\" }\ndata_dir: a${NOPE}\n",
			want: `
golive.yaml:1:15: log.level: "A-B" is not the name of an environment variable
    1 | log: { level: "${A-B}", format: "${FORMAT" }
      |               ^
golive.yaml:1:33: log.format: "${" is not closed with "}"
    1 | log: { level: "${A-B}", format: "${FORMAT" }
      |                                 ^
    hint: for a plain ${ write $${
golive.yaml:2:11: data_dir: environment variable NOPE is not set
    2 | data_dir: a${NOPE}
      |           ^`,
		},
		{
			name: "values that are wrong only together",
			file: "segmenter: { segment_duration: 10s }\norigin: { listen: \":1935\" }\n",
			want: `
golive.yaml:2:19: origin.listen: ":1935" is used by ingest.rtmp.listen
    2 | origin: { listen: ":1935" }
      |                   ^
    hint: give each its own port
default: playlist.window: must hold 6 segments of 10s
    hint: make the window 1m, or the segments shorter`,
		},
		{
			name: "the environment",
			file: "log: { level: loud }\n",
			env: []string{
				"GOLIVE_INGEST_RECONNECT_WINDOW=1h", "GOLIVE_PLAYLIST_LOW_LATENCY=maybe",
				"GOLIVE_INGEST_PUBLISH_OPEN=false", "GOLIVE_INGEST_PUBLISH_KEYS=[{ id: a, kee: opensesame }]",
			},
			want: `
golive.yaml:1:15: log.level: must be debug, info, warn or error, not "loud"
    1 | log: { level: loud }
      |               ^
env GOLIVE_INGEST_PUBLISH_KEYS: ingest.publish.keys[0]: unknown key "kee"
    hint: did you mean key?
env GOLIVE_PLAYLIST_LOW_LATENCY: playlist.low_latency: must be true or false, without quotes
env GOLIVE_INGEST_RECONNECT_WINDOW: ingest.reconnect_window: must be from 0s to 10m
    hint: 15s lets a phone change networks`,
		},
		{
			name: "a list in the environment that is not YAML",
			env:  []string{"GOLIVE_INGEST_PUBLISH_KEYS=[{"},
			want: `
env GOLIVE_INGEST_PUBLISH_KEYS: ingest.publish.keys: not YAML: could not find flow mapping end token '}'`,
		},
		{
			name: "YAML that does not parse is one problem",
			file: "log: [info\nnonsense: 1\n",
			want: `
golive.yaml:2:1: not YAML: ',' or ']' must be specified
    2 | nonsense: 1
      | ^`,
		},
		{
			name: "a tab",
			file: "log:\n\tlevel: info\n",
			want: `
golive.yaml:2:1: not YAML: a tab indents the line
    2 | 	level: info
      | ^
    hint: indent with spaces`,
		},
		{
			name: "a variable without quotes inside braces, its line masked",
			file: "ingest: { publish: { open: false, keys: [ { id: a, key: ${KEY} } ] } }\n",
			want: `
golive.yaml:1:58: not YAML: ',' or '}' must be specified
    1 | ingest: { publish: { open: false, keys: [ { id: a, key: ***
      |                                                         ^
    hint: inside { } or [ ] write "${NAME}" with quotes`,
		},
		{
			name: "YAML's finer points",
			file: "---\nlog: &log { level: info }\nadmin: *log\n---\nlog: {}\n",
			want: `
golive.yaml:2:6: log: anchors, aliases and tags are not supported
    2 | log: &log { level: info }
      |      ^
    hint: write the value out
golive.yaml:3:8: admin: anchors, aliases and tags are not supported
    3 | admin: *log
      |        ^
    hint: write the value out
golive.yaml:5:1: a second document is not allowed
    5 | log: {}
      | ^
    hint: write one document, without ---`,
		},
		{
			name: "not a mapping",
			file: "- log\n",
			want: `
golive.yaml:1:1: must hold keys
    1 | - log
      | ^
    hint: the keys of the file are log, data_dir, ingest, transcode, pictures, segmenter, playlist, broadcast, storage, registry, cluster, rollout, origin, api, admin`,
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Chdir(t.TempDir())
			write(t, "golive.yaml", test.file)
			_, err := Load(Input{File: "golive.yaml", Env: test.env})
			if err == nil {
				t.Fatal("no problem was found")
			}
			if diff := cmp.Diff(strings.TrimPrefix(test.want, "\n"), err.Error()); diff != "" {
				t.Errorf("message differs (-want +got):\n%s", diff)
			}
		})
	}
}

func TestLoad_ReportsWhyAFileCannotBeRead(t *testing.T) {
	_, err := Load(Input{File: filepath.Join(t.TempDir(), "none.yaml")})
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v, want one that says the file does not exist", err)
	}
}

func TestSource_MasksSecretsAndPlacesTheCaret(t *testing.T) {
	tests := []struct {
		name, line   string
		secret       int
		flow         bool
		caret        int
		want, marked string
	}{
		{"caret behind a longer secret", `{ key: "a, \"b\" }", id: x y }`, 8, true, 26, `{ key: ***, id: x y }`, "x"},
		{"caret behind a shorter one", `{ key: a, id: x y }`, 8, true, 15, `{ key: ***, id: x y }`, "x"},
		{"caret before it", `{ id: x y, key: hunter2 }`, 17, true, 7, `{ id: x y, key: *** }`, "x"},
		{"caret on it", `key: 'it''s, me' # why`, 6, false, 6, `key: *** # why`, "*"},
		{"comma in a plain one", `key: hunter,2 # why`, 6, false, 6, `key: *** # why`, "*"},
		{"one that goes on in the next line", `key: "hunter`, 6, false, 6, `key: ***`, "*"},
		{"letters of two bytes", `{ id: é, key: ééé, z: ü }`, 15, true, 23, `{ id: é, key: ***, z: ü }`, "ü"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := newSource("f", []byte(test.line))
			s.hide(1, test.secret, test.flow)
			text, at := s.masked(1, test.caret-1)
			if string(text) != test.want {
				t.Errorf("line is %q, want %q", string(text), test.want)
			}
			if got := string(text[at]); got != test.marked {
				t.Errorf("caret stands below %q, want %q", got, test.marked)
			}
		})
	}
}
