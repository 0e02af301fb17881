package summary

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"dtl-tf/runner"
)

var update = flag.Bool("update", false, "write testdata anew")

// TestGolden compares every format of an incomplete sweep with quoted rows with testdata.
func TestGolden(t *testing.T) {
	results := t.TempDir()
	put(t, results, sweepCells()...)
	for format, file := range map[string]string{
		"table": "sweep.txt", "markdown": "sweep.md", "csv": "sweep.csv", "latex": "sweep.tex", "json": "sweep.json",
	} {
		var out, err bytes.Buffer
		if e := Run(Config{Folders: []string{results}, Format: format, Quote: "linear, SSF,fact-tk,dtl,dtl+,PACE (LoRAmul+VPTadd)"}, runner.UI{Out: &out, Err: &err}); e != nil {
			t.Fatal(e)
		}
		got := strings.ReplaceAll(out.String(), results, "RESULTS")
		path := filepath.Join("testdata", file)
		if *update {
			if e := os.MkdirAll("testdata", 0o777); e != nil {
				t.Fatal(e)
			}
			if e := os.WriteFile(path, []byte(got), 0o666); e != nil {
				t.Fatal(e)
			}
		}
		want, e := os.ReadFile(path)
		if e != nil || string(want) != got {
			t.Errorf("%s differs (to take it over: go test ./runner/vtab/summary -update, and look at the diff):\n%s", path, got)
		}
		if err.Len() > 0 {
			t.Errorf("%s: stderr %q", format, err.String())
		}
	}
}

// TestWidth checks that no line of the text is wider than the terminal.
func TestWidth(t *testing.T) {
	results := t.TempDir()
	put(t, results, sweepCells()...)
	var out bytes.Buffer
	if err := Run(Config{Folders: []string{results}, Format: "table", Quote: "all"}, runner.UI{Out: &out, Err: &out}); err != nil {
		t.Fatal(err)
	}
	widest := 0
	for line := range strings.Lines(out.String()) {
		n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n"))
		widest = max(widest, n)
		if n > 160 {
			t.Errorf("%d characters: %s", n, line)
		}
	}
	if widest < 140 || strings.Count(out.String(), "†") < 30 {
		t.Errorf("the table is too small for this test:\n%s", out.String())
	}
	if *update {
		t.Logf("\n%s", out.String())
	}
}
