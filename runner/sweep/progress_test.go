package sweep

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dtl-tf/graph/expect"
	"dtl-tf/runner/finetune"
	"dtl-tf/runner/result"
)

// TestNotesOfCells: what is odd about a task's data is told once, however many cells train on it.
func TestNotesOfCells(t *testing.T) {
	var b bytes.Buffer
	p := newProgress(&b, false)
	for _, folder := range []string{"cifar", "cifar", "dtd"} {
		p.ended(Job{Set: folder, Method: "dtl"}, &Outcome{Status: result.Finished, Run: &result.Run{Notes: []string{"odd"}}}, "")
	}
	if out := b.String(); strings.Count(out, "cifar: odd\n") != 1 || strings.Count(out, "dtd: odd\n") != 1 {
		t.Errorf("told:\n%s", out)
	}
}

// TestContinuingOnce: a cell whose folder a stopped process of this machine still holds is tried every two seconds, and is said to continue once.
func TestContinuingOnce(t *testing.T) {
	var b bytes.Buffer
	s := &sweep{show: newProgress(&b, false)}
	folder := t.TempDir()
	expect.NoError(t, result.WriteRun(filepath.Join(folder, result.RunFile), result.Run{Status: result.Interrupted}))
	expect.NoError(t, os.WriteFile(filepath.Join(folder, "checkpoint-000000001.safetensors"), nil, 0o666))
	for range 3 {
		f := finetune.Config{Out: folder}
		if expect.NoError(t, s.resume(Job{Name: "dtd dtl seed 1"}, &f, new(Outcome))); !f.Resume {
			t.Fatal("the cell begins again")
		}
	}
	if n := strings.Count(b.String(), "dtd dtl seed 1 was started before"); n != 1 {
		t.Errorf("said %d times:\n%s", n, b.String())
	}
}

func TestTimeLeft(t *testing.T) {
	p := &progress{spent: map[string][]spent{"dtl": {{train: 80, others: 10}, {train: 110}}, "linear": {{others: 10}}}}
	p.left = []Job{{Method: "dtl"}, {Method: "linear"}, {Method: "lora"}}
	// dtl takes 100 and a quarter is done, linear takes 10, lora is taken as the mean of all three, 70.
	if text, ok := p.timeLeft(0.25); !ok || text != "2m35s" {
		t.Errorf("%s left, want 75 + 10 + 70 seconds", text)
	}
	// A cell with 8 images trains four times as long as one with 2, and takes the same time besides. One with 4 is known.
	p = &progress{spent: map[string][]spent{"dtl": {{2, 10, 3}, {4, 21, 3}}}, left: []Job{{Method: "dtl", Images: 4}}}
	if text, _ := p.timeLeft(0); text != "24s" {
		t.Errorf("%s left, want 24 seconds", text)
	}
	p = &progress{spent: map[string][]spent{"dtl": {{2, 10, 3}}}, left: []Job{{Method: "dtl", Images: 8}}}
	if text, _ := p.timeLeft(0); text != "43s" {
		t.Errorf("%s left, want 4 x 10 + 3 seconds", text)
	}
	p.left = nil
	if _, ok := p.timeLeft(0); ok {
		t.Error("nothing is left, and takes time")
	}
	if _, ok := (&progress{left: []Job{{}}}).timeLeft(0); ok {
		t.Error("nothing is known yet, and still there is an estimate")
	}
}
