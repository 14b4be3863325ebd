package archtest

import (
	"fmt"
	"go/ast"
	"path"
	"slices"
	"strings"
)

// rule returns the violations in a repository, each with how to fix it.
type rule func(r *repo) []string

// rules returns all rules, by the sentence they enforce.
func rules() map[string]rule {
	return map[string]rule{
		"every package belongs to a layer":               packagesHaveALayer,
		"packages import lower layers only":              importsGoDown,
		"the program imports no test code":               programImportsNoTestCode,
		"no package has an init function":                noInit,
		"goroutines start only in modules with a reason": goroutinesHaveAReason,
		"every package has a doc.go":                     packagesHaveADoc,
		"tests do not sleep":                             testsDoNotSleep,
		"chunk means RTMP chunk":                         chunkMeansRTMPChunk,
		"a file has at most 450 lines, except tests":     filesAreSmall,
		"packages are not named util, common or helpers": packageNamesAreSpecific,
		"every module with goroutines is in a layer":     goroutineModulesExist,
	}
}

func packagesHaveALayer(r *repo) (broken []string) {
	names, _ := r.folders()
	for _, folder := range names {
		if _, layer := moduleOf(folder); layer == noLayer {
			broken = append(broken, folder+" belongs to no layer: add it to layers in internal/archtest")
		}
	}
	return broken
}

func importsGoDown(r *repo) (broken []string) {
	for _, f := range r.files {
		from, layer := moduleOf(f.folder)
		if f.isTest || layer < 0 {
			continue
		}
		for _, folder := range f.imports() {
			to, imported := moduleOf(folder)
			switch {
			case from == to || imported < layer:
			case imported == layer:
				broken = append(broken, fmt.Sprintf("%s imports %s, which is in the same layer: connect them in cmd/golive", f.path(), folder))
			default:
				broken = append(broken, fmt.Sprintf("%s imports %s, which is in a higher layer", f.path(), folder))
			}
		}
	}
	return broken
}

func programImportsNoTestCode(r *repo) (broken []string) {
	for _, f := range r.files {
		if _, layer := moduleOf(f.folder); f.isTest || layer == testCode {
			continue
		}
		if f.importsPackage("testing") {
			broken = append(broken, f.path()+" imports testing")
		}
		for _, folder := range f.imports() {
			if _, layer := moduleOf(folder); layer == testCode {
				broken = append(broken, f.path()+" imports "+folder+", which is for tests")
			}
		}
	}
	return broken
}

func noInit(r *repo) (broken []string) {
	for _, f := range r.files {
		for _, d := range f.syntax.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == "init" {
				broken = append(broken, r.at(fn.Pos())+": init runs before main: call it explicitly")
			}
		}
	}
	return broken
}

// goroutinesHaveAReason finds go statements and other calls that start a goroutine:
// errgroup.Group.Go, sync.WaitGroup.Go, time.AfterFunc, context.AfterFunc.
func goroutinesHaveAReason(r *repo) (broken []string) {
	for _, f := range r.files {
		name, layer := moduleOf(f.folder)
		if _, ok := goroutineReasons()[name]; ok || f.isTest || layer == testCode {
			continue
		}
		ast.Inspect(f.syntax, func(n ast.Node) bool {
			if startsGoroutine(n) {
				broken = append(broken, r.at(n.Pos())+" starts a goroutine: let the caller do it, or add the module to goroutineReasons")
			}
			return true
		})
	}
	return broken
}

func startsGoroutine(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.GoStmt:
		return true
	case *ast.CallExpr:
		s, ok := n.Fun.(*ast.SelectorExpr)
		return ok && (s.Sel.Name == "Go" || s.Sel.Name == "AfterFunc")
	}
	return false
}

func packagesHaveADoc(r *repo) (broken []string) {
	names, files := r.folders()
	for _, folder := range names {
		doc := ""
		for _, f := range files[folder] {
			switch {
			case f.syntax.Doc == nil:
			case f.name == "doc.go", f.name == "main.go" && f.syntax.Name.Name == "main":
				doc = strings.Join(strings.Fields(f.syntax.Doc.Text()), " ")
			case !f.isTest:
				broken = append(broken, f.path()+" has a package comment: move it to doc.go")
			}
		}
		switch {
		case doc == "":
			broken = append(broken, folder+" has no doc.go with a package comment")
		case !strings.HasPrefix(doc, "Package ") && !strings.HasPrefix(doc, "Command "):
			broken = append(broken, folder+`/doc.go does not begin with "Package" or "Command"`)
		case !strings.Contains(doc, "does not know"):
			broken = append(broken, folder+`/doc.go has no sentence "does not know"`)
		case !strings.Contains(doc, "goroutine"):
			broken = append(broken, folder+"/doc.go does not mention goroutines")
		}
	}
	return broken
}

// testsDoNotSleep allows tests to sleep in a synctest bubble, where time is faked, and in
// e2e, which tests real processes.
func testsDoNotSleep(r *repo) (broken []string) {
	for _, f := range r.files {
		if !f.isTest || within(f.folder, "e2e") {
			continue
		}
		var bubbles []ast.Node
		ast.Inspect(f.syntax, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			if isCallOf(call, "synctest", "Test") {
				bubbles = append(bubbles, call)
			}
			inBubble := slices.ContainsFunc(bubbles, func(b ast.Node) bool { return b.Pos() <= call.Pos() && call.End() <= b.End() })
			if isCallOf(call, "time", "Sleep") && !inBubble {
				broken = append(broken, r.at(call.Pos())+": wait for the expected event, or use testing/synctest")
			}
			return true
		})
	}
	return broken
}

func isCallOf(call *ast.CallExpr, pkg, name string) bool {
	s, ok := call.Fun.(*ast.SelectorExpr)
	if !ok || s.Sel.Name != name {
		return false
	}
	x, ok := s.X.(*ast.Ident)
	return ok && x.Name == pkg
}

func chunkMeansRTMPChunk(r *repo) (broken []string) {
	// "Chunked" is a term of HTTP, a ChunkStream one of RTMP; elsewhere "RTMP" must precede it.
	others := strings.NewReplacer("chunked", "", "rtmp chunk", "", "chunkstream", "", "ingest/rtmp/chunk", "")
	for _, f := range r.files {
		if within(f.folder, "ingest/rtmp") || within(f.folder, "internal/publisher") || within(f.folder, "e2e/cost/bare") || within(f.folder, "internal/archtest") {
			continue
		}
		for i, line := range strings.Split(f.text, "\n") {
			if strings.Contains(others.Replace(strings.ToLower(line)), "chunk") {
				broken = append(broken, fmt.Sprintf("%s:%d uses chunk: write segment, part, slab or piece", f.path(), i+1))
			}
		}
	}
	return broken
}

func filesAreSmall(r *repo) (broken []string) {
	const most = 450
	for _, f := range r.files {
		if lines := strings.Count(f.text, "\n"); !f.isTest && lines > most {
			broken = append(broken, fmt.Sprintf("%s has %d lines, more than %d: split it", f.path(), lines, most))
		}
	}
	return broken
}

func packageNamesAreSpecific(r *repo) (broken []string) {
	empty := []string{"util", "utils", "common", "helper", "helpers", "misc", "shared", "lib", "base", "types"}
	names, _ := r.folders()
	for _, folder := range names {
		if slices.Contains(empty, path.Base(folder)) {
			broken = append(broken, folder+" has an unspecific name")
		}
	}
	return broken
}

// goroutineModulesExist finds misspelt modules in goroutineReasons.
func goroutineModulesExist(*repo) (broken []string) {
	known := slices.Concat(layers()...)
	for name, reason := range goroutineReasons() {
		if !slices.Contains(known, name) || reason == "" {
			broken = append(broken, name+" is not in a layer or has no reason")
		}
	}
	return broken
}
