package compare

import (
	"context"
	"encoding/csv"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"dtl-tf/runner"
	"dtl-tf/runner/report"
	"dtl-tf/runner/result"
)

// TestKept: a second call measures what is missing and nothing else.
func TestKept(t *testing.T) {
	c := config(t)
	c.Methods = "full,dtl"
	if o := call(t, c, "fake"); o.failed != nil || o.children != 2 {
		t.Fatalf("%d children, %v", o.children, o.failed)
	}
	again := call(t, c, "fake")
	if again.children != 0 {
		t.Errorf("%d children for rows that are kept", again.children)
	}
	contains(t, again.err, "2 of 2 rows")
	c.Methods = "full,linear,dtl"
	if o := call(t, c, "fake"); o.children != 1 || len(o.parsed(t).Rows) != 3 {
		t.Errorf("%d children for one row that is missing", o.children)
	}
	c.Fresh = true
	if o := call(t, c, "fake"); o.children != 3 {
		t.Errorf("%d children with --fresh", o.children)
	}
	c.Fresh, c.Batch = false, 5
	if o := call(t, c, "fake"); o.children != 3 {
		t.Errorf("%d children for another batch", o.children)
	}
}

// TestBrokenKeptRow: it is named and measured again.
func TestBrokenKeptRow(t *testing.T) {
	c := config(t)
	call(t, c, "fake")
	files, err := filepath.Glob(filepath.Join(c.Out, "*", "dtl.json"))
	if err != nil || len(files) != 1 {
		t.Fatalf("%v, %v", files, err)
	}
	whole, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	for _, broken := range []string{"", `{"row":{"method":"full"}}`, string(whole[:len(whole)/2])} {
		if err := os.WriteFile(files[0], []byte(broken), 0o666); err != nil {
			t.Fatal(err)
		}
		o := call(t, c, "fake")
		if o.children != 1 || len(o.parsed(t).Rows) != 3 {
			t.Errorf("%q: %d children", broken, o.children)
		}
		contains(t, o.err, files[0], "measured again")
	}
}

// TestFailures: a row says what happened to its process, and the others are measured.
func TestFailures(t *testing.T) {
	shared := config(t) // full and dtl are kept after the first call, what failed is tried again
	for mode, want := range map[string]string{
		"fake linear=killed":    "does not fit into memory: the system ended its process",
		"fake linear=allocator": "does not fit into memory: TensorFlow says training step 0: OOM when allocating",
		"fake linear=aborted":   "does not fit into memory: terminate called after throwing an instance of 'std::bad_alloc'",
		"fake linear=refused":   "--prompts 50 is not possible",
		"fake linear=silent":    "ended without a result",
	} {
		o := call(t, shared, mode)
		c := o.parsed(t)
		if len(c.Rows) != 3 || c.Rows[0].Measurement == nil || c.Rows[2].Measurement == nil {
			t.Errorf("%s: the other rows are missing: %s", mode, o.out)
		}
		if c.Rows[1].Measurement != nil || c.Rows[1].Failure == nil || !strings.Contains(c.Rows[1].Failure.Error, want) {
			t.Errorf("%s: %s, want %q", mode, o.out, want)
		}
	}
}

func TestRefused(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, []byte("no weights"), 0o666); err != nil {
		t.Fatal(err)
	}
	for name, bad := range map[string]struct {
		change func(c *Config)
		want   []string
		usage  bool
	}{
		"method":           {func(c *Config) { c.Methods = "full,dlt" }, []string{`"dlt"`, "full, linear", "dtl, dtl+", "all"}, true},
		"no method":        {func(c *Config) { c.Methods = "full,," }, []string{`""`}, true},
		"breakdown":        {func(c *Config) { c.Breakdown = "dlt" }, []string{"--breakdown", "dtl+"}, true},
		"format":           {func(c *Config) { c.Format = "xml" }, []string{`"xml"`, "table, markdown, csv, json"}, true},
		"precision":        {func(c *Config) { c.Precision = "fp8" }, []string{`"fp8"`, "fp32", "bf16"}, true},
		"batch":            {func(c *Config) { c.Batch = 0 }, []string{"--batch 0"}, true},
		"steps":            {func(c *Config) { c.Steps = 0 }, []string{"--steps 0"}, true},
		"architecture":     {func(c *Config) { c.BackboneConfig.Path = "vit_b15" }, []string{`"vit_b15"`, "vit_b16", "vit_s16", "vit_ti16"}, true},
		"description":      {func(c *Config) { c.BackboneConfig.Path = "vit:image=16,sides=4" }, []string{"sides", "width"}, true},
		"image size":       {func(c *Config) { c.BackboneConfig.ImageSize = 17 }, []string{"17", "--image-size"}, true},
		"backbone file":    {func(c *Config) { c.BackboneConfig.Path = file }, []string{file}, false},
		"plot's kind":      {func(c *Config) { c.Plot = "a.pdf" }, []string{"a.pdf", ".svg", ".png"}, true},
		"plot's folder":    {func(c *Config) { c.Plot = "nowhere/a.svg" }, []string{"--plot", "nowhere"}, false},
		"plot is a folder": {func(c *Config) { c.Plot = t.TempDir() + "/x.svg"; _ = os.Mkdir(c.Plot, 0o777) }, []string{"folder"}, true},
		"results":          {func(c *Config) { c.Results = "nowhere" }, []string{"--results", "nowhere"}, true},
		"results a file":   {func(c *Config) { c.Results = file }, []string{"--results", "is a file"}, true},
		"out":              {func(c *Config) { c.Out = file }, []string{file, "--out"}, false},
	} {
		c := config(t)
		bad.change(&c)
		o := call(t, c, "fake")
		if o.failed == nil {
			t.Errorf("%s: accepted", name)
			continue
		}
		contains(t, o.failed.Error(), bad.want...)
		var usage *runner.UsageError
		if errors.As(o.failed, &usage) != bad.usage {
			t.Errorf("%s: usage error %t: %v", name, !bad.usage, o.failed)
		}
		if o.children != 0 || o.out != "" {
			t.Errorf("%s: was refused after %d rows", name, o.children)
		}
	}
}

// TestInterrupted: the child goes with its parent's context.
func TestInterrupted(t *testing.T) {
	ctx, stop := context.WithCancel(context.Background())
	stop()
	count := 0
	err := Run(ctx, config(t), runner.UI{Out: os.Stdout, Err: new(strings.Builder)}, starter("fake", &count))
	if !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

// TestFormats: every format holds every row; what is not known is empty.
func TestFormats(t *testing.T) {
	c := config(t)
	c.BackboneConfig.Path = quotedBackbone // only of this are numbers quoted
	c.Methods, c.Format = "full,vpt-shallow,dtl,dtl+", report.CSV
	o := call(t, c, "fake dtl=killed")
	if o.failed != nil {
		t.Fatal(o.failed)
	}
	lines, err := csv.NewReader(strings.NewReader(o.out)).ReadAll()
	if err != nil || len(lines) != 5 {
		t.Fatalf("%v in %s", err, o.out)
	}
	cell := func(row int, key string) string { return lines[row][slices.Index(lines[0], key)] }
	for _, want := range []struct {
		row        int
		key, value string
	}{
		{1, "method", "full"}, {1, "peak_step_bytes", "16777216"}, {1, "peak_step_to_full", "1"},
		{2, "quoted_gpu_memory_gb", ""}, {2, "quoted_vtab_mean_of_groups", "67.82"},
		{3, "peak_step_bytes", ""}, {3, "seconds_per_step", ""}, {3, "quoted_gpu_memory_gb", "1.6"}, {1, "error", ""},
		{4, "quoted_vtab_mean_of_groups", "77.7"}, {4, "own_top1", ""},
	} {
		if got := cell(want.row, want.key); got != want.value {
			t.Errorf("row %d, %s: %q, want %q", want.row, want.key, got, want.value)
		}
	}
	contains(t, cell(3, "error"), "does not fit")

	c.Format = report.Text
	text := call(t, c, "fake dtl=killed").out
	words := strings.Join(strings.Fields(text), " ") // where lines break depends on the name of the processor
	contains(t, words, "Measured on", "quoted*", "Sources:", "dtl: does not fit into memory", "every allocation and release", "read off the paper's")
	for line := range strings.SplitSeq(text, "\n") {
		if utf8.RuneCountInString(line) > 110 {
			t.Errorf("a line of %d characters: %s", utf8.RuneCountInString(line), line)
		}
	}
	c.Format = report.Markdown
	contains(t, call(t, c, "fake dtl=killed").out, "| full", "Measured on", "---:|")
}

func TestBreakdown(t *testing.T) {
	c := config(t)
	c.Methods, c.Breakdown, c.Format = runner.AllMethods, "dtl", report.Text
	o := call(t, c, "fake")
	if o.children != 1 {
		t.Errorf("%d children for the breakdown of one method", o.children)
	}
	contains(t, o.out, "train/block_*/mlp/gelu/Mul", "float [4, 17, 48]", "Alive at the peak of a step with dtl")
	c.Format = report.JSON
	if rows := call(t, c, "fake").parsed(t).Rows; len(rows) != 1 || len(rows[0].Measurement.Breakdown) != 1 {
		t.Errorf("%+v", rows)
	}
	c.Format = report.CSV
	if out := call(t, c, "fake").out; !strings.HasPrefix(out, "total_bytes,share,count,bytes,kind,shape,op,node\n") {
		t.Error(out)
	}
}

// TestOwnRuns reads the runs of a folder: means by method, other backbones left out, broken files named.
func TestOwnRuns(t *testing.T) {
	c := config(t)
	c.Results, c.Methods = t.TempDir(), "full,dtl"
	split := "test"
	run := func(name, method, data, architecture string, top1 float64) {
		folder := filepath.Join(c.Results, name)
		if err := os.MkdirAll(folder, 0o777); err != nil {
			t.Fatal(err)
		}
		r := result.Run{Status: result.Finished, Method: method, Accuracy: &result.Accuracy{Top1: top1, Images: 10, Split: split}}
		r.Data.Name, r.Backbone.Architecture = data, architecture
		if err := result.WriteRun(filepath.Join(folder, result.RunFile), r); err != nil {
			t.Fatal(err)
		}
	}
	larger := strings.Replace(tiny, "image=16", "image=32", 1)
	run("a", "dtl", "cifar", tiny, 70)
	run("b/seed2", "dtl", "cifar", larger, 72)
	run("c", "dtl", "eurosat", tiny, 91)
	run("d", "dtl", "eurosat", "vit:image=224,patch=16,width=768,depth=12,heads=12,mlp=3072", 99)
	run("f/one-recipe/seed-42", "dtl", "eurosat", tiny, 20)
	split = "val"
	run(".search/lr=1/g", "dtl", "cifar", tiny, 10)
	broken := filepath.Join(c.Results, "e", result.RunFile)
	run("e", "full", "cifar", tiny, 50)
	if err := os.WriteFile(broken, []byte(`{"format": 1, "status"`), 0o666); err != nil {
		t.Fatal(err)
	}
	o := call(t, c, "fake")
	rows := o.parsed(t).Rows
	if own := rows[1].Own; own == nil || own.Top1 != 81 || own.Runs != 3 || strings.Join(own.DataSets, " ") != "cifar eurosat" || own.VTAB {
		t.Errorf("dtl: %+v", own)
	}
	if rows[0].Own != nil {
		t.Errorf("full: %+v", rows[0].Own)
	}
	contains(t, o.err, broken, "1 on another backbone", "1 whose accuracy is of the split val", "1 with one recipe for all tasks")

	c.Format, c.Plot = report.Text, filepath.Join(t.TempDir(), "figure.svg")
	o = call(t, c, "fake")
	contains(t, o.out, "own", "81.00", "Own top-1: mean over cifar, eurosat")
	figure, err := os.ReadFile(c.Plot)
	if err != nil {
		t.Fatal(err)
	}
	contains(t, string(figure), "<svg", ">DTL<", "accuracy of own runs")
	if text := string(figure); strings.Contains(text, ">Full<") || strings.Contains(text, "quoted") {
		t.Error("an accuracy that was quoted for another backbone is drawn")
	}
}

// TestFigureOfBackbones: accuracies are quoted beside measurements of the backbone that they are of, and beside no others, where
// the figure shows the time of a step and the table has no quoted column.
func TestFigureOfBackbones(t *testing.T) {
	for _, quoted := range []bool{true, false} {
		c := config(t)
		c.Format, c.Plot = report.Text, filepath.Join(t.TempDir(), "figure.svg")
		if quoted {
			c.BackboneConfig.Path = quotedBackbone
		}
		o := call(t, c, "fake")
		if o.failed != nil {
			t.Fatal(o.failed)
		}
		figure, err := os.ReadFile(c.Plot)
		if err != nil {
			t.Fatal(err)
		}
		contains(t, string(figure), ">DTL<", ">Full<", ">Linear<")
		if got := strings.Contains(string(figure), "accuracy quoted for"); got != quoted {
			t.Errorf("%s: quoted in the figure: %v", c.BackboneConfig.Path, got)
		}
		if got := strings.Contains(string(figure), ">seconds a step<"); got == quoted {
			t.Errorf("%s: time in the figure: %v", c.BackboneConfig.Path, got)
		}
		if got := strings.Contains(o.out, "quoted*"); got != quoted {
			t.Errorf("%s: quoted in the table: %v", c.BackboneConfig.Path, got)
		}
	}
}
