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

// repo holds every Go file of the repository.
type repo struct {
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

// imports returns the folders of this module that the file imports.
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

// importsPackage reports whether the file imports the package of that full name.
func (f file) importsPackage(name string) bool {
	for _, spec := range f.syntax.Imports {
		if spec.Path.Value == strconv.Quote(name) {
			return true
		}
	}
	return false
}

// folders returns the package folders in order, and the files of each.
func (r *repo) folders() (names []string, files map[string][]file) {
	files = make(map[string][]file)
	for _, f := range r.files {
		if files[f.folder] == nil {
			names = append(names, f.folder)
		}
		files[f.folder] = append(files[f.folder], f)
	}
	return names, files
}

func (r *repo) at(p token.Pos) string {
	pos := r.fset.Position(p)
	return fmt.Sprintf("%s:%d", pos.Filename, pos.Line)
}

// load parses every Go file below the root, without skipped folders.
func load(root fs.FS) (*repo, error) {
	r := &repo{fset: token.NewFileSet()}
	err := fs.WalkDir(root, ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && name != "." && isSkipped(d.Name()):
			return fs.SkipDir
		case d.IsDir() || path.Ext(name) != ".go":
			return nil
		}
		text, err := fs.ReadFile(root, name)
		if err != nil {
			return err
		}
		syntax, err := parser.ParseFile(r.fset, name, text, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return fmt.Errorf("parse: %w", err)
		}
		r.files = append(r.files, file{
			folder: path.Dir(name), name: path.Base(name), isTest: strings.HasSuffix(name, "_test.go"),
			text: string(text), syntax: syntax,
		})
		return nil
	})
	return r, err
}

// isSkipped reports whether a folder of that name holds no code of this repository.
func isSkipped(name string) bool {
	switch name {
	case "node_modules", "testdata", "bin", "data":
		return true
	}
	return strings.HasPrefix(name, ".")
}

// repository returns this repository.
func repository(t *testing.T) *repo {
	t.Helper()
	r, err := load(os.DirFS("../.."))
	if err != nil {
		t.Fatal(err)
	}
	if len(r.files) < 20 {
		t.Fatalf("only %d files were found: is ../.. the root?", len(r.files))
	}
	return r
}
