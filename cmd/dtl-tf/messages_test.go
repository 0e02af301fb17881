package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"dtl-tf/graph/expect"
)

// said is a text in the sources, with \x00 for each formatted value, and the functions that it is passed to.
type said struct {
	text  string
	calls map[string]bool
}

var (
	verb        = regexp.MustCompile(`"?%[-+# 0-9.*]*(\[\d+\])?[a-zA-Z]"?`)
	placeholder = regexp.MustCompile(`"?<[^<>]+>"?`)
	flagName    = regexp.MustCompile("--(\x00|[a-z-]+)")
)

// texts are the string constants of all Go files except tests, with concatenations joined.
func texts(t *testing.T, root string) []said {
	t.Helper()
	var all []said
	err := filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case e.IsDir() && path != root && (strings.HasPrefix(e.Name(), ".") || e.Name() == "testdata"):
			return filepath.SkipDir
		case e.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go"):
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			return nil // the file is being edited
		}
		add := func(n ast.Node, call string) {
			if text, ok := constant(n); ok {
				all = append(all, said{verb.ReplaceAllString(text, "\x00"), map[string]bool{call: true}})
			}
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if c, ok := n.(*ast.CallExpr); ok {
				name := ""
				switch f := c.Fun.(type) {
				case *ast.Ident:
					name = f.Name
				case *ast.SelectorExpr:
					name = f.Sel.Name
				}
				for _, arg := range c.Args {
					add(arg, name)
				}
			}
			add(n, "")
			return true
		})
		return nil
	})
	expect.NoError(t, err)
	return all
}

// constant is the value of a string literal or of a concatenation of them.
func constant(n ast.Node) (string, bool) {
	switch n := n.(type) {
	case *ast.BasicLit:
		text, err := strconv.Unquote(n.Value)
		return text, n.Kind == token.STRING && err == nil
	case *ast.BinaryExpr:
		x, ok := constant(n.X)
		y, also := constant(n.Y)
		return x + y, ok && also && n.Op == token.ADD
	}
	return "", false
}

// TestMessages checks MESSAGES.md: every message is a text of the sources, verbatim except for the values in angle brackets, and
// messages of wrong usage have exit code 2.
func TestMessages(t *testing.T) {
	page, err := os.ReadFile("MESSAGES.md")
	expect.NoError(t, err)
	sources := texts(t, filepath.Join("..", ".."))
	rows := 0
	known := map[string]bool{}
	for i, line := range strings.Split(string(page), "\n") {
		cells := strings.Split(strings.Trim(line, "|"), "|")
		if !strings.HasPrefix(line, "| ") || len(cells) < 4 {
			continue
		}
		code, message := strings.TrimSpace(cells[0]), strings.TrimSpace(cells[1])
		if _, err := strconv.Atoi(code); err != nil {
			continue // the head of a table
		}
		where := fmt.Sprintf("MESSAGES.md line %d", i+1)
		text, ok := strings.CutPrefix(message, "`")
		text, ends := strings.CutSuffix(text, "`")
		if !ok || !ends || len(cells) != 4 || strings.TrimSpace(cells[2]) == "" || strings.TrimSpace(cells[3]) == "" {
			t.Errorf("%s: want | code | `message` | meaning | what to do |", where)
			continue
		}
		if known[text] {
			t.Errorf("%s: %q is there twice", where, text)
		}
		known[text] = true
		rows++
		found, usage, other := false, false, false
		wanted := placeholder.ReplaceAllString(text, "\x00")
		unnamed := flagName.ReplaceAllString(wanted, "\x00") // as spell.Settingf gets it, before package runner names the flag
		for _, s := range sources {
			setting := s.calls["Settingf"] || s.calls["fail"]
			if strings.Contains(s.text, wanted) || setting && strings.Contains(s.text, unnamed) {
				found = true
				usage = usage || s.calls["usagef"] || s.calls["Usagef"]
				other = other || s.calls["Errorf"] || s.calls["New"] || s.calls["fail"]
			}
		}
		switch {
		case !found:
			t.Errorf("%s: no source says %q", where, text)
		case usage && !other && code != "2":
			t.Errorf("%s: %q is about a wrong use, which has exit code 2, not %s", where, text, code)
		case code != "0" && code != "1" && code != "2" && code != "130":
			t.Errorf("%s: dtl-tf has no exit code %s", where, code)
		}
	}
	if rows < 100 {
		t.Errorf("only %d messages were found in MESSAGES.md: is its form still | code | `message` | meaning | what to do |?", rows)
	}
}
