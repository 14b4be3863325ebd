package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// systems returns the operating systems that golive is built for; the linked packages differ
// a little.
func systems() []string { return []string{"linux", "darwin", "windows"} }

// noticeFile matches the names of files that hold a licence or a notice.
var noticeFile = regexp.MustCompile(`(?i)^(licen[cs]e|copying|copyright|notice|patents)([._-]|$)`)

// linkedPackage is a package in the binary, as the Go command describes it.
type linkedPackage struct {
	Dir      string
	Standard bool
	Module   *struct {
		Path, Version, Dir string
		Main               bool
	}
}

// collect returns the notices of everything in the binary that is built from the
// repository at root.
func collect(ctx context.Context, root string) ([]notice, error) {
	all, err := goNotices(ctx)
	if err != nil {
		return nil, err
	}
	modules, err := moduleNotices(ctx, root, systems())
	if err != nil {
		return nil, err
	}
	pages, err := npmNotices(filepath.Join(root, "internal", "notices", "npm"))
	if err != nil {
		return nil, err
	}
	return slices.Concat(all, modules, pages), nil
}

// goNotices returns the licence of Go's own library and runtime.
func goNotices(ctx context.Context) ([]notice, error) {
	out, err := exec.CommandContext(ctx, "go", "env", "GOROOT").Output()
	if err != nil {
		return nil, fmt.Errorf("go env: %w", err)
	}
	text, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(out)), "LICENSE"))
	if err != nil {
		return nil, err
	}
	return []notice{{"Go, its library and its runtime", string(text)}}, nil
}

// moduleNotices returns the notices of all modules in the binary, on all systems.
func moduleNotices(ctx context.Context, root string, systems []string) (all []notice, err error) {
	seen := map[string]bool{}
	for _, system := range systems {
		packages, err := linked(ctx, root, system)
		if err != nil {
			return nil, err
		}
		for _, p := range packages {
			if p.Standard || p.Module == nil || p.Module.Main {
				continue
			}
			for _, dir := range foldersUp(p.Dir, p.Module.Dir) {
				if seen[dir] {
					continue
				}
				seen[dir] = true
				found, err := folderNotices(p.Module.Path+" "+p.Module.Version, p.Module.Dir, dir)
				if err != nil {
					return nil, err
				}
				all = append(all, found...)
			}
		}
	}
	return all, nil
}

// foldersUp returns dir and the folders around it, up to root.
func foldersUp(dir, root string) (dirs []string) {
	for ; len(dir) > len(root); dir = filepath.Dir(dir) {
		dirs = append(dirs, dir)
	}
	return append(dirs, root)
}

// folderNotices returns the notices that one folder of a module holds.
func folderNotices(subject, module, dir string) (all []notice, err error) {
	files, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	for _, f := range files {
		if f.IsDir() || !noticeFile.MatchString(f.Name()) || strings.HasSuffix(f.Name(), ".go") {
			continue
		}
		text, err := os.ReadFile(filepath.Join(dir, f.Name()))
		if err != nil {
			return nil, err
		}
		n := notice{subject: subject, text: string(text)}
		if rel, err := filepath.Rel(module, dir); err == nil && rel != "." {
			n.subject += ", " + filepath.ToSlash(rel)
		}
		all = append(all, n)
	}
	return all, nil
}

// linked returns all packages in the binary for a system.
func linked(ctx context.Context, root, system string) (all []linkedPackage, err error) {
	cmd := exec.CommandContext(ctx, "go", "list", "-deps", "-json=Dir,Standard,Module", "./cmd/golive")
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "GOOS="+system, "CGO_ENABLED=0")
	var problem bytes.Buffer
	cmd.Stderr = &problem
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w: %s", err, problem.String())
	}
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p linkedPackage
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return all, nil
		} else if err != nil {
			return nil, fmt.Errorf("go list: %w", err)
		}
		all = append(all, p)
	}
}

// npmHeader begins the first line of a file in internal/notices/npm, which names the packages
// with the licence in the other lines.
const npmHeader = "packages: "

// npmNotices returns the notices of the JavaScript in the pages.
func npmNotices(folder string) (all []notice, err error) {
	files, err := os.ReadDir(folder)
	if err != nil {
		return nil, err
	}
	for _, f := range files {
		content, err := os.ReadFile(filepath.Join(folder, f.Name()))
		if err != nil {
			return nil, err
		}
		first, text, _ := strings.Cut(string(content), "\n")
		packages, ok := strings.CutPrefix(first, npmHeader)
		if !ok {
			return nil, fmt.Errorf("%s: its first line is not %q and names", f.Name(), npmHeader)
		}
		for name := range strings.SplitSeq(packages, ", ") {
			all = append(all, notice{subject: name, text: text})
		}
	}
	return all, nil
}
