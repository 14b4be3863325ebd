package archtest

import (
	"fmt"
	"go/ast"
	"path"
	"slices"
	"strings"
)

// A rule lists where the house breaks it, each with what to do about it.
type rule func(h *house) []string

// rules are all rules, by the sentence they enforce.
func rules() map[string]rule {
	return map[string]rule{
		"every package has a floor":                                          everyPackageHasAFloor,
		"imports only go down, and rooms of one floor are strangers":         importsOnlyGoDown,
		"the program imports no test code":                                   programImportsNoTestCode,
		"no package has an init function":                                    noInit,
		"goroutines start only in rooms that say what for":                   goroutinesHaveAReason,
		"every package has a doc.go that says what it does not know":         everyPackageIsIntroduced,
		"tests do not sleep":                                                 testsDoNotSleep,
		"a chunk is an RTMP chunk":                                           chunkIsAnRTMPChunk,
		"a file has at most 450 lines, tests aside":                          filesAreSmall,
		"packages are named for what they hold, not util, common or helpers": namesSaySomething,
		"every room that may start goroutines is on the map":                 theMapIsTrue,
	}
}

func everyPackageHasAFloor(h *house) (broken []string) {
	names, _ := h.folders()
	for _, folder := range names {
		if _, floor := room(folder); floor == -2 {
			broken = append(broken, folder+" has no floor: add it to floors in internal/archtest")
		}
	}
	return broken
}

func importsOnlyGoDown(h *house) (broken []string) {
	for _, f := range h.files {
		from, floor := room(f.folder)
		if f.isTest || floor < 0 {
			continue
		}
		for _, folder := range f.imports() {
			to, below := room(folder)
			switch {
			case from == to || below < floor:
			case below == floor:
				broken = append(broken, fmt.Sprintf("%s imports %s: rooms of one floor are strangers, and are introduced in cmd/golive", f.path(), folder))
			default:
				broken = append(broken, fmt.Sprintf("%s imports %s, which is on a higher floor", f.path(), folder))
			}
		}
	}
	return broken
}

func programImportsNoTestCode(h *house) (broken []string) {
	for _, f := range h.files {
		if _, floor := room(f.folder); f.isTest || floor == -1 {
			continue
		}
		if f.importsPackage("testing") {
			broken = append(broken, f.path()+" imports testing")
		}
		for _, folder := range f.imports() {
			if _, floor := room(folder); floor == -1 {
				broken = append(broken, f.path()+" imports "+folder+", which is for tests")
			}
		}
	}
	return broken
}

func noInit(h *house) (broken []string) {
	for _, f := range h.files {
		for _, d := range f.syntax.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == "init" {
				broken = append(broken, h.at(fn.Pos())+": init runs before main can decide: call it where it is needed")
			}
		}
	}
	return broken
}

// goroutinesHaveAReason finds go statements, and what starts a goroutine under
// another name: errgroup.Group.Go, sync.WaitGroup.Go, time.AfterFunc,
// context.AfterFunc.
func goroutinesHaveAReason(h *house) (broken []string) {
	for _, f := range h.files {
		name, floor := room(f.folder)
		if _, ok := concurrent()[name]; ok || f.isTest || floor == -1 {
			continue
		}
		ast.Inspect(f.syntax, func(n ast.Node) bool {
			if startsGoroutine(n) {
				broken = append(broken, h.at(n.Pos())+" starts a goroutine: let the caller decide, or list the room in concurrent with its reason")
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

func everyPackageIsIntroduced(h *house) (broken []string) {
	names, files := h.folders()
	for _, folder := range names {
		doc := ""
		for _, f := range files[folder] {
			switch {
			case f.syntax.Doc == nil:
			case f.name == "doc.go", f.name == "main.go" && f.syntax.Name.Name == "main":
				doc = strings.Join(strings.Fields(f.syntax.Doc.Text()), " ")
			case !f.isTest:
				broken = append(broken, f.path()+" has a package comment: it belongs into doc.go")
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
			broken = append(broken, folder+"/doc.go does not say who owns goroutines")
		}
	}
	return broken
}

// testsDoNotSleep lets tests sleep in a synctest bubble, where time is faked, and
// e2e, where the world is real.
func testsDoNotSleep(h *house) (broken []string) {
	for _, f := range h.files {
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
				broken = append(broken, h.at(call.Pos())+": wait for what should happen, or use testing/synctest")
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

func chunkIsAnRTMPChunk(h *house) (broken []string) {
	// "Chunked" is HTTP's word, a ChunkStream is RTMP's; elsewhere it must be said
	// whose it is.
	others := strings.NewReplacer("chunked", "", "rtmp chunk", "", "chunkstream", "", "ingest/rtmp/chunk", "")
	for _, f := range h.files {
		if within(f.folder, "ingest/rtmp") || within(f.folder, "internal/publisher") || within(f.folder, "internal/archtest") {
			continue
		}
		for i, line := range strings.Split(f.text, "\n") {
			if strings.Contains(others.Replace(strings.ToLower(line)), "chunk") {
				broken = append(broken, fmt.Sprintf("%s:%d says chunk: write segment, part, slab or piece", f.path(), i+1))
			}
		}
	}
	return broken
}

func filesAreSmall(h *house) (broken []string) {
	const most = 450
	for _, f := range h.files {
		if lines := strings.Count(f.text, "\n"); !f.isTest && lines > most {
			broken = append(broken, fmt.Sprintf("%s has %d lines, over %d: find the second thing in it", f.path(), lines, most))
		}
	}
	return broken
}

func namesSaySomething(h *house) (broken []string) {
	empty := []string{"util", "utils", "common", "helper", "helpers", "misc", "shared", "lib", "base", "types"}
	names, _ := h.folders()
	for _, folder := range names {
		if slices.Contains(empty, path.Base(folder)) {
			broken = append(broken, folder+" is named for nothing: what does it hold?")
		}
	}
	return broken
}

// theMapIsTrue keeps the tables of this package free of misspelt rooms.
func theMapIsTrue(*house) (broken []string) {
	known := slices.Concat(floors()...)
	for name, reason := range concurrent() {
		if !slices.Contains(known, name) || reason == "" {
			broken = append(broken, name+" may start goroutines, but is no room or has no reason")
		}
	}
	return broken
}
