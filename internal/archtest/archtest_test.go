package archtest

import (
	"strings"
	"testing"
	"testing/fstest"
)

func TestRepository_FollowsTheRules(t *testing.T) {
	r := repository(t)
	for sentence, rule := range rules() {
		t.Run(sentence, func(t *testing.T) {
			for _, violation := range rule(r) {
				t.Error(violation)
			}
		})
	}
}

// TestRules_FindViolations has one violation for each rule.
func TestRules_FindViolations(t *testing.T) {
	const doc = "// Package x does things.\n//\n// Package x does not know much. It starts no goroutine.\npackage x\n"
	tests := []struct {
		sentence string
		files    map[string]string
		want     string
	}{
		{
			"every package belongs to a layer",
			map[string]string{"attic/a.go": "package attic\n"},
			"attic belongs to no layer",
		},
		{
			"packages import lower layers only",
			map[string]string{"media/a.go": "package media\nimport _ \"golive/container/flv\"\n"},
			"media/a.go imports container/flv, which is in a higher layer",
		},
		{
			"packages import lower layers only",
			map[string]string{"segmenter/a.go": "package segmenter\nimport _ \"golive/playlist\"\n"},
			"segmenter/a.go imports playlist, which is in the same layer",
		},
		{
			"the program imports no test code",
			map[string]string{"origin/a.go": "package origin\nimport _ \"golive/internal/mediatest\"\n"},
			"origin/a.go imports internal/mediatest, which is for tests",
		},
		{
			"the program imports no test code",
			map[string]string{"origin/a.go": "package origin\nimport _ \"testing\"\n"},
			"origin/a.go imports testing",
		},
		{
			"no package has an init function",
			map[string]string{"media/a.go": "package media\nfunc init() {}\n"},
			"media/a.go:2: init",
		},
		{
			"goroutines start only in modules with a reason",
			map[string]string{"playlist/a.go": "package playlist\nfunc f() { go f() }\n"},
			"playlist/a.go:2 starts a goroutine",
		},
		{
			"goroutines start only in modules with a reason",
			map[string]string{"playlist/a.go": "package playlist\nfunc f() { wg.Go(f) }\n"},
			"playlist/a.go:2 starts a goroutine",
		},
		{
			"every package has a doc.go",
			map[string]string{"media/a.go": "package media\n"},
			"media has no doc.go",
		},
		{
			"every package has a doc.go",
			map[string]string{"media/doc.go": strings.Replace(doc, "not know", "not mind", 1)},
			`no sentence "does not know"`,
		},
		{
			"every package has a doc.go",
			map[string]string{"media/doc.go": strings.Replace(doc, "goroutine", "engine", 1)},
			"does not mention goroutines",
		},
		{
			"every package has a doc.go",
			map[string]string{"media/doc.go": doc, "media/a.go": doc},
			"media/a.go has a package comment",
		},
		{
			"tests do not sleep",
			map[string]string{"media/a_test.go": "package media\nfunc f() { synctest.Test(t, func() {})\ntime.Sleep(1) }\n"},
			"media/a_test.go:3: wait",
		},
		{
			"chunk means RTMP chunk",
			map[string]string{"media/a.go": "package media\n\n// A Chunk of TS.\n"},
			"media/a.go:3 uses chunk",
		},
		{
			"a file has at most 450 lines, except tests",
			map[string]string{"media/a.go": "package media\n" + strings.Repeat("\n", 450)},
			"media/a.go has 451 lines",
		},
		{
			"packages are not named util, common or helpers",
			map[string]string{"internal/util/a.go": "package util\n"},
			"internal/util has an unspecific name",
		},
	}
	for _, test := range tests {
		t.Run(test.sentence, func(t *testing.T) {
			violations := rules()[test.sentence](build(t, test.files))
			if len(violations) != 1 || !strings.Contains(violations[0], test.want) {
				t.Errorf("got %q, want only %q", violations, test.want)
			}
		})
	}
}

func TestRules_AllowCorrectCode(t *testing.T) {
	r := build(t, map[string]string{
		"media/doc.go":              "// Package media names.\n//\n// Package media does not know much.\n//\n// It starts no goroutine.\npackage media\n",
		"ingest/rtmp/a.go":          "package rtmp\nimport (\n_ \"golive/ingest\"\n_ \"golive/media\"\n)\n// A chunk.\nfunc f() { go f() }\n",
		"segmenter/a_test.go":       "package segmenter\nimport _ \"golive/internal/mediatest\"\nfunc f() { go f(); synctest.Test(t, func() { time.Sleep(1) }) }\n",
		"e2e/a_test.go":             "package e2e\nimport _ \"golive/cmd/golive\"\nfunc f() { time.Sleep(1) }\n",
		"origin/node_modules/x.go":  "not Go",
		"storage/s3/a.go":           "package s3\nimport _ \"golive/storage\"\n// Not aws-chunked, and no RTMP chunk.\n",
		"internal/publisher/a.go":   "package publisher\nfunc f() { g.Go(f) }\n",
		"storage/storagetest/a.go":  "package storagetest\nimport (\n_ \"testing\"\n_ \"golive/storage\"\n)\n",
		"storage/disk/disk_test.go": "package disk\nimport _ \"golive/storage/storagetest\"\n",
	})
	for sentence, rule := range rules() {
		if sentence == "every package has a doc.go" {
			continue
		}
		if violations := rule(r); len(violations) > 0 {
			t.Errorf("%s: got %q", sentence, violations)
		}
	}
}

func build(t *testing.T, files map[string]string) *repo {
	t.Helper()
	root := make(fstest.MapFS)
	for name, text := range files {
		root[name] = &fstest.MapFile{Data: []byte(text)}
	}
	r, err := load(root)
	if err != nil {
		t.Fatal(err)
	}
	return r
}
