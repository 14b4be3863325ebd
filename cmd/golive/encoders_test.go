package main

import (
	"io/fs"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// The table of docs/encoders.md has all rows up to encoderRows, and may have more up
// to lastEncoderRow.
const (
	encoderRows    = 52
	lastEncoderRow = 86
)

// testsOf lists the tests of the repository by name.
func testsOf(t *testing.T) map[string]bool {
	t.Helper()
	found := map[string]bool{}
	decl := regexp.MustCompile(`(?m)^func (Test\w+)\(t \*testing\.T\)`)
	err := fs.WalkDir(os.DirFS("../.."), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (strings.HasPrefix(d.Name(), ".") && path != "." || d.Name() == "node_modules") {
			return fs.SkipDir
		}
		if !strings.HasSuffix(path, "_test.go") {
			return nil
		}
		text, err := os.ReadFile("../../" + path)
		for _, m := range decl.FindAllStringSubmatch(string(text), -1) {
			found[m[1]] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestEncoders_EveryRowHasItsTests(t *testing.T) {
	text, err := os.ReadFile("../../docs/encoders.md")
	if err != nil {
		t.Fatal(err)
	}
	tests, rows := testsOf(t), map[int][]string{}
	name := regexp.MustCompile("`(Test\\w+)`")
	for line := range strings.Lines(string(text)) {
		cells := strings.Split(line, "|")
		if len(cells) < 2 {
			continue
		}
		row, err := strconv.Atoi(strings.TrimSpace(cells[1]))
		if err != nil {
			continue
		}
		if len(cells) != 7 {
			t.Errorf("row %d has %d cells, want 5", row, len(cells)-2)
			continue
		}
		if _, twice := rows[row]; twice || row < 1 || row > lastEncoderRow {
			t.Errorf("row %d is there twice, or is none", row)
		}
		rows[row] = nil
		for _, m := range name.FindAllStringSubmatch(cells[5], -1) {
			rows[row] = append(rows[row], m[1])
			if !tests[m[1]] {
				t.Errorf("row %d names %s, which does not exist", row, m[1])
			}
		}
	}
	for row := 1; row <= encoderRows; row++ {
		if len(rows[row]) == 0 {
			t.Errorf("row %d has no test", row)
		}
	}
	number := regexp.MustCompile(`Row(\d+)(?:And(\d+))?`)
	for test := range tests {
		for _, m := range number.FindAllStringSubmatch(test, -1) {
			for _, digits := range m[1:] {
				if row, err := strconv.Atoi(digits); err == nil && !slices.Contains(rows[row], test) {
					t.Errorf("docs/encoders.md, row %d does not name %s", row, test)
				}
			}
		}
	}
}
