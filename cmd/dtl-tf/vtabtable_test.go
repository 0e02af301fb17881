package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dtl-tf/graph/expect"
	"dtl-tf/runner/recipe"
	"dtl-tf/runner/result"
	"dtl-tf/runner/sweep"
	"dtl-tf/runner/vtab"
)

// TestVtabTable: the command prints a table from files, and its exit codes report mistakes.
func TestVtabTable(t *testing.T) {
	dir := t.TempDir()
	for task, top1 := range map[string]float64{"cifar": 61.25, "eurosat": 93.5} {
		c := vtab.Cell{Task: task, Method: "dtl", Seed: 42, Outcome: sweep.Outcome{Status: result.Finished, Recipe: recipe.Recipe{Name: "published"}, Run: &result.Run{
			Status: result.Finished, Backbone: result.Backbone{Path: "tiny.npz", SHA256: "ab"}, Data: result.Data{Fingerprint: "of " + task},
			Accuracy: &result.Accuracy{Top1: top1, Split: "test", Note: result.OnceAfterLast},
		}}}
		expect.NoError(t, sweep.WriteCell(vtab.CellPath(dir, task, "dtl", 42), &c))
	}
	o := cli(t, "vtab", "table", dir, "--quote", "lora")
	o.want(t, exitDone)
	for _, text := range []string{"61.2", "93.5", "LoRA†", "of 19", "tiny.npz"} {
		if !strings.Contains(o.out, text) {
			t.Errorf("the table lacks %q:\n%s", text, o.out)
		}
	}
	if o := cli(t, "vtab", "table", "--format", "csv", dir); !strings.Contains(o.out, "61.25") || o.code != exitDone {
		t.Errorf("csv, exit code %d: %s", o.code, o.out)
	}
	cli(t, "vtab", "table").want(t, exitUsage, "folder with the results")
	cli(t, "vtab", "table", dir, "--format", "xml").want(t, exitUsage, "xml", "latex")
	cli(t, "vtab", "table", dir, "--quote", "lorra").want(t, exitUsage, "did you mean lora")
	cli(t, "vtab", "table", filepath.Join(dir, "gone")).want(t, exitFailed, "gone")
	broken := vtab.CellPath(dir, "cifar", "dtl", 43)
	expect.NoError(t, os.WriteFile(broken, []byte(`{"format": 1, "task"`), 0o666))
	if o := cli(t, "vtab", "table", dir); o.code != exitFailed || !strings.Contains(o.err, broken) || !strings.Contains(o.out, "93.5") {
		t.Errorf("with a broken file, exit code %d: %s\n%s", o.code, o.err, o.out)
	}
}
