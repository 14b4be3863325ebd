package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"golive/internal/notices"
)

// root is the repository, seen from this folder.
const root = "../../.."

func TestNotices_AreThoseOfTheBinary(t *testing.T) {
	all, err := collect(t.Context(), root)
	if err != nil {
		t.Fatal(err)
	}
	if render(all) != notices.Text() {
		t.Error("internal/notices/notices.txt does not describe the modules in the binary: run make notices")
	}
}

func TestNotices_NameEveryModuleOfTheBinary(t *testing.T) {
	packages, err := linked(t.Context(), root, runtime.GOOS)
	if err != nil {
		t.Fatal(err)
	}
	modules := map[string]bool{}
	for _, p := range packages {
		if !p.Standard && p.Module != nil && !p.Module.Main {
			modules[p.Module.Path+" "+p.Module.Version] = true
		}
	}
	if len(modules) < 20 {
		t.Fatalf("only %d modules are linked; the test does not find them", len(modules))
	}
	named := strings.Split(notices.Text(), "\n")
	for m := range modules {
		if !slices.Contains(named, m) {
			t.Errorf("%s has no notice: its licence file was not found", m)
		}
	}
}

func TestNotices_NameThePagesLibraries(t *testing.T) {
	var manifest struct{ Dependencies map[string]string }
	read(t, filepath.Join(root, "web", "package.json"), &manifest)
	if len(manifest.Dependencies) == 0 {
		t.Fatal("the pages have no dependencies")
	}
	named := strings.Split(notices.Text(), "\n")
	for name, version := range manifest.Dependencies {
		if !slices.Contains(named, name+" "+version) {
			t.Errorf("%s %s has no notice in internal/notices/npm", name, version)
		}
	}
}

// TestNotices_NameWhatHLSJSBundles reads the source map of the script that is served, where npm
// has installed it.
func TestNotices_NameWhatHLSJSBundles(t *testing.T) {
	file := filepath.Join(root, "web", "node_modules", "hls.js", "dist", "hls.min.js.map")
	if _, err := os.Stat(file); err != nil {
		t.Skip("not there: make setup")
	}
	var sourceMap struct{ Sources []string }
	read(t, file, &sourceMap)
	bundled := 0
	for _, source := range sourceMap.Sources {
		_, name, ok := strings.Cut(source, "node_modules/")
		if !ok {
			continue
		}
		bundled++
		parts := strings.Split(name, "/")
		if name = parts[0]; strings.HasPrefix(name, "@") {
			name += "/" + parts[1]
		}
		if !strings.Contains(notices.Text(), "\n"+name+" ") {
			t.Errorf("%s, which is in hls.js, has no notice in internal/notices/npm", name)
		}
	}
	if bundled == 0 {
		t.Error("hls.js bundles nothing; the map has changed")
	}
}

func read(t *testing.T, file string, into any) {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(content, into); err != nil {
		t.Fatal(err)
	}
}

func TestRender_GroupsModulesWithTheSameText(t *testing.T) {
	got := render([]notice{{"b v1", "MIT\r\n\r\ntext \n"}, {"c v1", "other"}, {"a v2", "\n  MIT\n\n text"}, {"a v2", "MIT text"}})
	want := preface + "\n" + doubleLine + "\na v2\nb v1\n" + singleLine + "\nMIT\n\ntext\n" + "\n" + doubleLine + "\nc v1\n" + singleLine + "\nother\n"
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
