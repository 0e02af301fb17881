package compare

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dtl-tf/graph"
	"dtl-tf/runner"
	"dtl-tf/runner/report"
)

// tasksOn is a configuration of --tasks.
func tasksOn(t *testing.T, tasks, methods string) Config {
	c := config(t)
	c.Tasks, c.Methods, c.Out = tasks, methods, ""
	return c
}

// TestTasks measures in real processes: the blocks follow from where the methods act (tiny has 4 blocks, DTL shares 3 of them), the
// bytes of adapters from their shapes.
func TestTasks(t *testing.T) {
	c := tasksOn(t, "3, 1,3", "dtl,linear,lora")
	c.Plot = filepath.Join(t.TempDir(), "tasks.svg")
	var out, log bytes.Buffer
	children := 0
	if err := Run(context.Background(), c, runner.UI{Out: &out, Err: &log, Version: "test"}, starter("real", &children)); err != nil {
		t.Fatal(err, log.String())
	}
	var got TaskComparison
	if err := json.Unmarshal(out.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if children != 3 || len(got.Rows) != 3 {
		t.Fatalf("%d children: %s", children, out.String())
	}
	classifier := int64(4 * 3 * (12 + 1))
	for _, want := range []struct {
		row            int
		method         string
		blocks3, bytes int64
	}{
		{0, "linear", 4, classifier},
		{1, "lora", 12, classifier + 4*4*2*8*(12+12)}, // query and value of four blocks, rank 8
		{2, "dtl", 3 + 3*1, classifier + 4*4*2*(12+12)},
	} {
		r := got.Rows[want.row]
		m := r.TaskMeasurement
		if r.Method != want.method || m == nil || len(m.Tasks) != 2 {
			t.Errorf("row %d: %+v", want.row, r)
			continue
		}
		if m.Adapter != want.bytes || m.Tasks[1].Stored != 3*m.Adapter || m.Tasks[1].StoredBackbone != 3*(m.Adapter+m.Backbone) {
			t.Errorf("%s: an adapter of %d bytes, want %d; %+v", r.Method, m.Adapter, want.bytes, m.Tasks[1])
		}
		for i, n := range []int{1, 3} {
			c := m.Tasks[i]
			if c.Count != n || c.BlocksApart != 4*n || c.Seconds <= 0 || c.SecondsApart <= 0 || c.Ratio != c.Seconds/c.SecondsApart || c.Resident <= 0 {
				t.Errorf("%s: %+v", r.Method, c)
			}
		}
		if int64(m.Tasks[1].Blocks) != want.blocks3 {
			t.Errorf("%s: %d blocks, want %d", r.Method, m.Tasks[1].Blocks, want.blocks3)
		}
	}
	raw, err := os.ReadFile(c.Plot)
	if err != nil {
		t.Fatal(err)
	}
	contains(t, string(raw), "<svg", "tasks on one backbone", "seconds an image", "resident memory, GiB", "DTL apart", "stroke-dasharray")
}

// TestTasksFailure: a method whose process ends has a row that says why.
func TestTasksFailure(t *testing.T) {
	c := tasksOn(t, "2", "linear")
	c.Format = report.CSV
	o := call(t, c, "fake linear=killed")
	if o.failed != nil {
		t.Fatal(o.failed)
	}
	contains(t, o.out, "does not fit into memory")
	contains(t, o.err, "note: linear: does not fit into memory")
}

func TestTasksRefused(t *testing.T) {
	for want, change := range map[string]func(c *Config){
		`"0" is not a number of tasks`:                   func(c *Config) { c.Tasks = "1,0" },
		`"" is not a number of tasks`:                    func(c *Config) { c.Tasks = "1," },
		`"1001" is not a number of tasks from 1 to 1000`: func(c *Config) { c.Tasks = "1001" },
		"--tasks and --breakdown":                        func(c *Config) { c.Breakdown = "dtl" },
		"--tasks and --results":                          func(c *Config) { c.Results = "x" },
		"--tasks and --out":                              func(c *Config) { c.Out = "x" },
		"--tasks and --fresh":                            func(c *Config) { c.Fresh = true },
		"--tasks and --recompute":                        func(c *Config) { c.Recompute = graph.RecomputeBlocks },
		"--tasks with the method full":                   func(c *Config) { c.Methods = "full,dtl" },
	} {
		c := tasksOn(t, "1,2", "dtl")
		change(&c)
		o := call(t, c, "fake")
		var usage *runner.UsageError
		if !errors.As(o.failed, &usage) || !strings.Contains(o.failed.Error(), want) {
			t.Errorf("%v, want %q", o.failed, want)
		}
		if o.children != 0 {
			t.Errorf("%q was refused after %d rows", want, o.children)
		}
	}
}
