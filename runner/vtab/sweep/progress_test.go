package sweep

import (
	"bytes"
	"strings"
	"testing"

	"dtl-tf/runner/internal/suite"
	"dtl-tf/runner/result"
	"dtl-tf/runner/vtab"
)

// TestNotesOfCells: what is odd about a task's data is told once, however many cells train on it.
func TestNotesOfCells(t *testing.T) {
	var b bytes.Buffer
	p := newProgress(&b, false)
	for _, folder := range []string{"cifar", "cifar", "dtd"} {
		p.ended(job{task: suite.Task{Folder: folder}, method: "dtl"}, vtab.Cell{Status: result.Finished, Run: &result.Run{Notes: []string{"odd"}}}, "")
	}
	if out := b.String(); strings.Count(out, "cifar: odd\n") != 1 || strings.Count(out, "dtd: odd\n") != 1 {
		t.Errorf("told:\n%s", out)
	}
}
