package summary

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dtl-tf/graph/expect"
	"dtl-tf/runner"
	"dtl-tf/runner/internal/suite"
	"dtl-tf/runner/vtab"
)

// runTable runs the command on folders.
func runTable(t *testing.T, c Config, folders ...string) (out, notes string, err error) {
	t.Helper()
	if c.Folders = folders; c.Format == "" {
		c.Format = "table"
	}
	var stdout, stderr bytes.Buffer
	err = Run(c, runner.UI{Out: &stdout, Err: &stderr})
	return stdout.String(), stderr.String(), err
}

// TestJSON checks the score of each seed and the averages of the published row from which the cells are made. The deviation of
// the mean of 19 is (2 + 18 * 0.5) / 19 = 11 / 19 because all tasks move together by seed.
func TestJSON(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, dtlCells()...)
	out, _, err := runTable(t, Config{Format: "json", Quote: "dtl"}, dir)
	if err != nil {
		t.Fatal(err)
	}
	var table Table
	if err := json.Unmarshal([]byte(out), &table); err != nil {
		t.Fatal(err)
	}
	if len(table.Rows) != 2 || table.Rows[0].Quoted || !table.Rows[1].Quoted {
		t.Fatalf("rows %+v", table.Rows)
	}
	r := table.Rows[0]
	if s := r.Scores["cifar"]; s.Seeds[42] != 67.6 || s.Seeds[44] != 71.6 || !near(s.Mean, 69.6, 1e-9) || !near(*s.Std, 2, 1e-9) {
		t.Errorf("cifar %+v", s)
	}
	for key, want := range map[string][2]float64{MeanOf19: {74.58, 11.0 / 19}, "natural": {80.83, 5.0 / 7}, "structured": {63.35, 0.5}} {
		s := r.Scores[key]
		if !near(s.Mean, want[0], 0.0051) || s.Std == nil || !near(*s.Std, want[1], 1e-9) || len(s.Seeds) != 3 {
			t.Errorf("%s %+v, want %v", key, s, want)
		}
	}
	if p := r.Parameters; p == nil || p.Millions != 0.036864 || p.Least != 36864 || *r.StepMemory != 1500<<20 {
		t.Errorf("cost %+v %v", r.Parameters, r.StepMemory)
	}
	if q := table.Rows[1]; *q.GPUMemory != 1.6 || q.Scores["caltech101"].Mean != 94.8 || len(q.Notes) == 0 {
		t.Errorf("quoted %+v", q)
	}
}

// TestOneSeed checks that one seed has no deviation, and that only terminals get bold type.
func TestOneSeed(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, finished("cifar", "dtl", 42, 69.6), finished("cifar", "lora", 42, 67.1))
	out, _, err := runTable(t, Config{}, dir)
	if err != nil || !strings.Contains(out, "one seed (42)") || strings.Contains(out, "±") || strings.Contains(out, "\x1b") || strings.Contains(out, "Bold") {
		t.Errorf("%v\n%s", err, out)
	}
	cells, _, err := read([]string{dir})
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := build(cells, nil, nil).text(&b, true); err != nil {
		t.Fatal(err)
	}
	if got := b.String(); strings.Count(got, "\x1b[1m69.6\x1b[0m") != 1 || strings.Count(got, "\x1b") != 2 || !strings.Contains(got, bestNote) {
		t.Errorf("on a terminal:\n%s", got)
	}
}

// TestBadFiles checks that unreadable files are named and left out of the table, and that the command fails.
func TestBadFiles(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, finished("cifar", "dtl", 42, 69.6), finished("cifar", "dtl", 43, 70.6))
	empty, half := vtab.CellPath(dir, "dtd", "dtl", 42), vtab.CellPath(dir, "dtd", "dtl", 43)
	whole, err := os.ReadFile(vtab.CellPath(dir, "cifar", "dtl", 42))
	if err == nil {
		err = os.MkdirAll(filepath.Dir(empty), 0o777)
	}
	if err == nil {
		err = errors.Join(os.WriteFile(empty, nil, 0o666), os.WriteFile(half, whole[:len(whole)/2], 0o666))
	}
	if err != nil {
		t.Fatal(err)
	}
	out, notes, err := runTable(t, Config{}, dir)
	expect.Error(t, err, empty, half, "2 unreadable files")
	if !strings.Contains(notes, empty) || !strings.Contains(notes, half) || !strings.Contains(out, "70.1") {
		t.Errorf("notes %q, table\n%s", notes, out)
	}
	if out, _, err := runTable(t, Config{Format: "json"}, dir); err == nil || !strings.Contains(out, half) {
		t.Errorf("%v: the JSON form lacks %s", err, half)
	}
}

// TestRefused checks results that cannot form a table.
func TestRefused(t *testing.T) {
	a, b, none := t.TempDir(), t.TempDir(), t.TempDir()
	put(t, a, finished("cifar", "dtl", 42, 69.6), finished("dtd", "dtl", 42, 71))
	other := finished("cifar", "lora", 43, 67)
	other.Run.Data.Fingerprint, other.Run.Data.Root = "another print", "elsewhere/cifar"
	put(t, b, other)
	pathA, pathB := vtab.CellPath(a, "cifar", "dtl", 42), vtab.CellPath(b, "cifar", "lora", 43)
	out, _, err := runTable(t, Config{}, a, b)
	expect.Error(t, err, "cifar", pathA, "print of cifar", "data/cifar", pathB, "another print", "elsewhere/cifar")
	if out != "" {
		t.Errorf("printed %s", out)
	}

	other = finished("svhn", "lora", 43, 67)
	other.Run.Backbone.SHA256 = "fedcba"
	c := t.TempDir()
	put(t, c, other)
	_, _, err = runTable(t, Config{}, a, c)
	expect.Error(t, err, "two backbones", pathA, "0123456789abcdef", vtab.CellPath(c, "svhn", "lora", 43), "fedcba")

	d := t.TempDir()
	put(t, d, finished("cifar", "dtl", 42, 60))
	_, _, err = runTable(t, Config{}, a, d)
	expect.Error(t, err, "cifar dtl seed 42", pathA, vtab.CellPath(d, "cifar", "dtl", 42))

	_, _, err = runTable(t, Config{}, none)
	expect.Error(t, err, "no results", none)
	_, _, err = runTable(t, Config{}, filepath.Join(none, "gone"))
	expect.Error(t, err, "gone")
	var usage *runner.UsageError
	for _, bad := range []struct {
		c     Config
		words []string
	}{{Config{Quote: "adaptform"}, []string{"adaptform", "did you mean adaptformer"}}, {Config{Format: "xml"}, []string{"xml", "latex"}}} {
		_, _, err := runTable(t, bad.c, a)
		if expect.Error(t, err, bad.words...); !errors.As(err, &usage) {
			t.Errorf("%v is no usage error", err)
		}
	}
}

// TestFolders checks that a repeated folder counts once, and that a finished cell replaces a failed one of another folder.
func TestFolders(t *testing.T) {
	a, b := t.TempDir(), t.TempDir()
	put(t, a, finished("cifar", "dtl", 42, 69.6), failed("dtd", "dtl", 42, "out of memory"))
	put(t, b, finished("dtd", "dtl", 42, 71.3))
	out, _, err := runTable(t, Config{}, a, a+"/.", b)
	if err != nil || !strings.Contains(out, "69.6") || !strings.Contains(out, "71.3") || strings.Contains(out, "out of memory") {
		t.Errorf("%v\n%s", err, out)
	}
}

// TestNotOnTest checks that an accuracy on another split is not a result.
func TestNotOnTest(t *testing.T) {
	dir := t.TempDir()
	val := finished("cifar", "dtl", 42, 69.6)
	val.Run.Accuracy.Split = "val"
	none := finished("dtd", "dtl", 42, 0)
	none.Run.Accuracy = nil
	put(t, dir, val, none)
	out, _, err := runTable(t, Config{}, dir)
	if err != nil || strings.Contains(out, "69.6") || !strings.Contains(out, "evaluated on val, not on test") || !strings.Contains(out, "no accuracy") {
		t.Errorf("%v\n%s", err, out)
	}
}

// TestScope checks the footnote on stochastic depth in fewer blocks than the paper's.
func TestScope(t *testing.T) {
	dir := t.TempDir()
	all, suffix := finished("cifar", "dtl", 42, 69.6), finished("dtd", "dtl", 42, 71.3)
	all.Run.Config = json.RawMessage(`{"epochs":100,"batch":32,"precision":"fp32","drop_path_scope":"all"}`)
	suffix.Run.Config = json.RawMessage(`{"epochs":100,"batch":32,"precision":"fp32","drop_path_scope":"suffix"}`)
	put(t, dir, all, suffix)
	out, _, err := runTable(t, Config{Format: "csv"}, dir)
	if err != nil || !strings.Contains(out, "fp32, --drop-path-scope suffix for dtd seed 42") || !strings.Contains(out, "fp32 for cifar seed 42") {
		t.Errorf("%v\n%s", err, out)
	}
}

// TestHeads checks that every head is as narrow as its scores.
func TestHeads(t *testing.T) {
	for _, task := range suite.Folders() {
		head, ok := heads[task]
		for line := range strings.SplitSeq(head, "\n") {
			if !ok || len(line) > 4 {
				t.Errorf("%s: head %q", task, head)
			}
		}
	}
}

// TestQuoteOfAnotherBackbone: ViT-B/16's published numbers do not stand below results of a Swin.
func TestQuoteOfAnotherBackbone(t *testing.T) {
	dir, c := t.TempDir(), finished("cifar", "dtl", 42, 70)
	c.Run.Backbone.Architecture = "swin:image=224,patch=4,window=7,width=128,depths=2-2-18-2,heads=4-8-16-32"
	put(t, dir, c)
	_, _, err := runTable(t, Config{Format: "json", Quote: "all"}, dir)
	expect.Error(t, err, "--quote", "ViT-B/16", "swin:image=224")
	if _, _, err := runTable(t, Config{Format: "json"}, dir); err != nil {
		t.Error(err)
	}
}

// TestDoubt: the row of a classifier that seems to have learnt nothing has a footnote.
func TestDoubt(t *testing.T) {
	dir := t.TempDir()
	good, bad := finished("dtd", "dtl", 42, 70), finished("eurosat", "dtl", 42, 10)
	bad.Run.Accuracy.Doubt = "all 9 images get the same answer"
	put(t, dir, good, bad)
	out, _, err := runTable(t, Config{Format: "json"}, dir)
	expect.NoError(t, err)
	if strings.Count(out, "seems to have learnt nothing") != 1 || !strings.Contains(out, "DTL: eurosat seed 42 seems to have learnt nothing: all 9 images get the same answer.") {
		t.Error(out)
	}
}
