package archtest

import (
	"fmt"
	"go/ast"
	"io/fs"
	"os"
	"path"
	"regexp"
	"strings"
	"testing"
)

// pages returns the names of all documentation pages.
func pages(t *testing.T, root fs.FS) []string {
	t.Helper()
	found := []string{"README.md"}
	for _, pattern := range []string{"docs/*.md", "docs/*/*.md"} {
		names, err := fs.Glob(root, pattern)
		if err != nil {
			t.Fatal(err)
		}
		found = append(found, names...)
	}
	return found
}

func read(t *testing.T, root fs.FS, name string) string {
	t.Helper()
	text, err := fs.ReadFile(root, name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestDocs_LinksExist(t *testing.T) {
	root, link := os.DirFS("../.."), regexp.MustCompile(`\]\(([^)#]+)[^)]*\)`)
	for _, page := range pages(t, root) {
		for _, m := range link.FindAllStringSubmatch(read(t, root, page), -1) {
			if strings.Contains(m[1], "://") {
				continue
			}
			if _, err := fs.Stat(root, path.Join(path.Dir(page), m[1])); err != nil {
				t.Errorf("%s links to %s, which does not exist", page, m[1])
			}
		}
	}
}

func TestDocs_ReadmeNamesEveryFolder(t *testing.T) {
	root := os.DirFS("../..")
	readme := read(t, root, "README.md")
	names, _ := repository(t).folders()
	for _, folder := range names {
		top, _, _ := strings.Cut(folder, "/")
		if top == "cmd" {
			top = folder
		}
		if !strings.Contains(readme, "\n    "+top+"/ ") {
			t.Errorf("README.md has no line for %s/", top)
		}
	}
}

func TestDocs_MetricsExist(t *testing.T) {
	root, name := os.DirFS("../.."), regexp.MustCompile(`golive_[a-z_]+`)
	var code strings.Builder
	for _, f := range repository(t).files {
		code.WriteString(f.text)
	}
	for _, page := range pages(t, root) {
		for _, metric := range name.FindAllString(read(t, root, page), -1) {
			if !strings.Contains(code.String(), fmt.Sprintf("%q", metric)) {
				t.Errorf("%s mentions %s, which is not registered", page, metric)
			}
		}
	}
}

func TestDocs_TestsExist(t *testing.T) {
	tests := map[string]bool{}
	for _, f := range repository(t).files {
		for _, d := range f.syntax.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && f.isTest && fn.Recv == nil {
				tests[fn.Name.Name] = true
			}
		}
	}
	root, name := os.DirFS("../.."), regexp.MustCompile(`\b(Test|Benchmark|Fuzz|Example)[A-Z]\w*`)
	for _, page := range pages(t, root) {
		for _, test := range name.FindAllString(read(t, root, page), -1) {
			if !tests[test] {
				t.Errorf("%s mentions %s, which does not exist", page, test)
			}
		}
	}
}

func TestDocs_DecisionsAreNumberedWithoutGapsAndListed(t *testing.T) {
	root := os.DirFS("../../docs/decisions")
	names, err := fs.Glob(root, "[0-9]*.md")
	if err != nil {
		t.Fatal(err)
	}
	list := read(t, root, "README.md")
	for i, name := range names {
		number := fmt.Sprintf("%04d", i+1)
		if !strings.HasPrefix(name, number+"-") {
			t.Errorf("docs/decisions/%s should begin with %s-", name, number)
		}
		_, title, _ := strings.Cut(read(t, root, name), "# "+number+": ")
		title, _, _ = strings.Cut(title, "\n")
		if want := fmt.Sprintf("- [%s](%s): %s\n", number, name, title); !strings.Contains(list, want) {
			t.Errorf("docs/decisions/README.md has no line %q", want)
		}
	}
}
