package archtest

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"strconv"
	"strings"
	"testing"
)

const module = "golive"

// house is every Go file of the repository.
type house struct {
	fset  *token.FileSet
	files []file
}

// file is one Go file; folder and name are its path from the root.
type file struct {
	folder, name string
	isTest       bool
	text         string
	syntax       *ast.File
}

func (f file) path() string { return path.Join(f.folder, f.name) }

// imports are the folders of this module that the file imports.
func (f file) imports() []string {
	var folders []string
	for _, spec := range f.syntax.Imports {
		name, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			continue
		}
		if folder, ok := strings.CutPrefix(name, module+"/"); ok {
			folders = append(folders, folder)
		}
	}
	return folders
}

// importsPackage says whether the file imports the package of that full name.
func (f file) importsPackage(name string) bool {
	for _, spec := range f.syntax.Imports {
		if spec.Path.Value == strconv.Quote(name) {
			return true
		}
	}
	return false
}

// folders lists the files of each package folder, in order of the folders.
func (h *house) folders() (names []string, files map[string][]file) {
	files = make(map[string][]file)
	for _, f := range h.files {
		if files[f.folder] == nil {
			names = append(names, f.folder)
		}
		files[f.folder] = append(files[f.folder], f)
	}
	return names, files
}

func (h *house) at(p token.Pos) string {
	pos := h.fset.Position(p)
	return fmt.Sprintf("%s:%d", pos.Filename, pos.Line)
}

// enter parses every Go file below the root, but for what is not ours.
func enter(root fs.FS) (*house, error) {
	h := &house{fset: token.NewFileSet()}
	err := fs.WalkDir(root, ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && name != "." && isForeign(d.Name()):
			return fs.SkipDir
		case d.IsDir() || path.Ext(name) != ".go":
			return nil
		}
		text, err := fs.ReadFile(root, name)
		if err != nil {
			return err
		}
		syntax, err := parser.ParseFile(h.fset, name, text, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return fmt.Errorf("parse: %w", err)
		}
		h.files = append(h.files, file{
			folder: path.Dir(name), name: path.Base(name), isTest: strings.HasSuffix(name, "_test.go"),
			text: string(text), syntax: syntax,
		})
		return nil
	})
	return h, err
}

// isForeign says whether a folder of that name holds no code of ours.
func isForeign(name string) bool {
	switch name {
	case "node_modules", "testdata", "bin", "data":
		return true
	}
	return strings.HasPrefix(name, ".")
}

// repository is the house we are in.
func repository(t *testing.T) *house {
	t.Helper()
	h, err := enter(os.DirFS("../.."))
	if err != nil {
		t.Fatal(err)
	}
	if len(h.files) < 20 {
		t.Fatalf("only %d files were found: is this the root?", len(h.files))
	}
	return h
}
