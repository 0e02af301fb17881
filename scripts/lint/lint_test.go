// Package lint tests rules of CONTRIBUTING.md that no compiler checks.
package lint

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "dtl-tf"

// storeys lists all folders with packages, from the ground up. A subfolder belongs to the storey of its folder unless it is listed
// itself. A package may import packages of the same or a lower storey.
var storeys = []struct {
	name    string
	folders []string
}{
	{"graph", []string{"graph", "saved_models"}},
	{"dtl", []string{"dtl"}},
	{"runner: tools and files", []string{
		"runner/internal", "runner/fault", "runner/machine", "runner/train", "runner/data", "runner/result", "runner/feature", "runner/checkpoint",
		"runner/report", "runner/tensorboard", "runner/hub", "runner/assess",
	}},
	{"runner: what its commands share", []string{"runner"}},
	{"runner: adapters, classes, scores", []string{"runner/internal/adapter", "runner/internal/class", "runner/internal/classify", "runner/assess/page", "runner/cluster"}},
	{"runner: training, answers, exports", []string{"runner/finetune", "runner/infer", "runner/export"}},
	{"runner: cells of benchmarks", []string{"runner/recipe", "runner/sweep"}},
	{"runner: whole commands", []string{"runner/check", "runner/compare", "runner/plan", "runner/vtab", "runner/fewshot", "runner/domain", "runner/doctor", "runner/cache", "runner/prepare", "runner/serve"}},
	{"programs", []string{"cmd", "scripts"}},
}

// storey returns the index of a folder's storey, or -1. Folders directly below runner must be listed.
func storey(folder string) int {
	for at := folder; at != "." && (at != "runner" || at == folder); at = path.Dir(at) {
		for i, s := range storeys {
			if slices.Contains(s.folders, at) {
				return i
			}
		}
	}
	return -1
}

// source is a Go file of the module.
type source struct {
	folder string // from the module's root, with slashes
	test   bool
	file   *ast.File
	set    *token.FileSet
}

func (s source) at(n ast.Node) string {
	p := s.set.Position(n.Pos())
	return fmt.Sprintf("%s/%s:%d", s.folder, filepath.Base(p.Filename), p.Line)
}

// sources parses all Go files of the module.
func sources(t *testing.T) (all []source) {
	t.Helper()
	root := filepath.Join("..", "..")
	err := filepath.WalkDir(root, func(name string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case e.IsDir() && name != root && (strings.HasPrefix(e.Name(), ".") || e.Name() == "testdata"):
			return filepath.SkipDir
		case e.IsDir() || !strings.HasSuffix(name, ".go"):
			return nil
		}
		set := token.NewFileSet()
		file, err := parser.ParseFile(set, name, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		folder, err := filepath.Rel(root, filepath.Dir(name))
		if err != nil {
			return err
		}
		all = append(all, source{filepath.ToSlash(folder), strings.HasSuffix(name, "_test.go"), file, set})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < 100 {
		t.Fatalf("only %d Go files below %s", len(all), root)
	}
	return all
}

func (s source) imports(do func(at, path string)) {
	for _, spec := range s.file.Imports {
		if p, err := strconv.Unquote(spec.Path.Value); err == nil {
			do(s.at(spec), p)
		}
	}
}

// TestStoreys: nothing imports upward, tests included.
func TestStoreys(t *testing.T) {
	homeless := map[string]bool{}
	for _, s := range sources(t) {
		mine := storey(s.folder)
		if mine < 0 {
			if !homeless[s.folder] {
				t.Errorf("%s is on no storey: add it to the table in scripts/lint and to CONTRIBUTING.md", s.folder)
			}
			homeless[s.folder] = true
			continue
		}
		s.imports(func(at, path string) {
			folder, ours := strings.CutPrefix(path, module+"/")
			if theirs := storey(folder); ours && theirs > mine {
				t.Errorf("%s: imports %s upward: it is of %q, and %s of %q", at, folder, storeys[theirs].name, s.folder, storeys[mine].name)
			}
		})
	}
}

// TestImports: only graph/capi imports C and unsafe, only programs import flag packages.
func TestImports(t *testing.T) {
	for _, s := range sources(t) {
		s.imports(func(at, path string) {
			switch {
			case (path == "C" || path == "unsafe") && !strings.HasPrefix(s.folder+"/", "graph/capi/"):
				t.Errorf("%s: imports %q, which only graph/capi may", at, path)
			case path == "github.com/spf13/pflag" && s.file.Name.Name != "main":
				t.Errorf("%s: imports pflag: flags are for package main", at)
			}
		})
	}
}

// TestExits: only programs, and tests of processes, end the process; libraries return errors.
func TestExits(t *testing.T) {
	for _, s := range sources(t) {
		if s.test || s.file.Name.Name == "main" {
			continue
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			f, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			if x, ok := f.X.(*ast.Ident); ok && (x.Name == "os" && f.Sel.Name == "Exit" || x.Name == "log" && strings.HasPrefix(f.Sel.Name, "Fatal")) {
				t.Errorf("%s: %s.%s ends the process, which only package main may: return an error", s.at(n), x.Name, f.Sel.Name)
			}
			return true
		})
	}
}

// TestFlags: texts below package runner name no flags, which those packages don't know. runner.WithFlag adds the names.
func TestFlags(t *testing.T) {
	flag := regexp.MustCompile(`(^|[^-\w])--[a-z]`)
	for _, s := range sources(t) {
		if s.test || storey(s.folder) > storey("dtl") {
			continue
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			if text, ok := n.(*ast.BasicLit); ok && text.Kind == token.STRING && flag.MatchString(text.Value) {
				t.Errorf("%s: %s names a flag, which packages below runner do not know: use spell.Settingf", s.at(n), text.Value)
			}
			return true
		})
	}
}

// TestSkips: tests skip only through graph/need, which says what is missing.
func TestSkips(t *testing.T) {
	for _, s := range sources(t) {
		if s.folder == "graph/need" {
			continue
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			f, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			x, ok := f.X.(*ast.Ident)
			if ok && slices.Contains([]string{"t", "b", "tb", "f"}, x.Name) && slices.Contains([]string{"Skip", "Skipf", "SkipNow"}, f.Sel.Name) {
				t.Errorf("%s: %s.%s skips a test without a word: call package graph/need", s.at(n), x.Name, f.Sel.Name)
			}
			return true
		})
	}
}
