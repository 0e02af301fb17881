package main

import (
	"encoding/json"
	"math"
	"path/filepath"
	"regexp"
	"testing"

	"dtl-tf/runner/finetune"
)

// TestPlan: more recompute takes no more memory, a limit says what fits, and fine-tune --memory runs with what plan picked.
func TestPlan(t *testing.T) {
	args := func(more ...string) []string {
		return append([]string{"plan", "--backbone", fixture.backbone, "--data", fixture.data, "--method", "full", "--batch", "8", "--epochs", "3"}, more...)
	}
	text := cli(t, args()...)
	text.want(t, exitDone)
	if !regexp.MustCompile(`(?s)--recompute +peak of a step +whole process, at most\nnone .*\nactivations .*\nblocks .*Feature cache: none \(nothing to store`).MatchString(text.out) {
		t.Errorf("the plan:\n%s", text.out)
	}
	o := cli(t, args("--memory", "64GiB", "--measure", "--format", "json")...)
	o.want(t, exitDone)
	var p finetune.Preview
	if err := json.Unmarshal([]byte(o.out), &p); err != nil {
		t.Fatal(err)
	}
	if len(p.Modes) != 3 || p.Limit != 64<<30 || p.Pick == nil || p.Pick.Recompute != "none" || p.Pick.MicroBatch != 0 || p.Time == nil || p.Time.Step <= 0 ||
		p.Steps != 9 {
		t.Fatalf("%+v", p)
	}
	for _, m := range p.Modes {
		if m.Peak <= 0 || m.Process != m.Need.Total() || len(m.Fits) != 4 {
			t.Errorf("%+v", m)
		}
	}
	out := filepath.Join(t.TempDir(), "run")
	cli(t, tune(out, "--memory", "64GiB", "--epochs", "1")...).want(t, exitDone, "memory: --recompute none takes ")
	if m := readRun(t, out).Memory; m == nil || m.Limit != 64<<30 || m.Recompute != "none" || m.Need.Step <= 0 || m.Need.Total() > m.Limit {
		t.Errorf("run.json: %+v", m)
	}
	cli(t, tune(out, "--memory", "64GiB", "--epochs", "1", "--resume")...).want(t, exitDone, "memory: --recompute none, as the run began")
}

// TestPlanTime: the time of a run has all its parts, and those of stored values only where the run would store them.
func TestPlanTime(t *testing.T) {
	read := func(more ...string) finetune.PreviewSeconds {
		t.Helper()
		o := cli(t, append([]string{"plan", "--backbone", fixture.backbone, "--data", fixture.data, "--method", "linear", "--batch", "8", "--measure", "--format", "json"}, more...)...)
		o.want(t, exitDone)
		var p finetune.Preview
		if err := json.Unmarshal([]byte(o.out), &p); err != nil || p.Time == nil {
			t.Fatalf("%v in\n%s", err, o.out)
		}
		s := *p.Time
		if s.Start <= 0 || s.Reading <= 0 || s.Step <= 0 || s.Evaluation <= 0 || s.Tested <= 0 || math.Abs(s.Training-s.Step*float64(p.Steps)) > 1e-9 {
			t.Errorf("%+v", s)
		}
		if sum := s.Start + s.Reading + s.FirstPass + s.Training + s.Looks + s.Evaluation; math.Abs(s.Total-sum) > 1e-9 {
			t.Errorf("the parts of %+v add up to %g", s, sum)
		}
		return s
	}
	if s := read("--epochs", "3"); !s.Stored || s.FirstPass <= 0 || s.LookCount != 0 || s.Looks != 0 {
		t.Errorf("from stored values: %+v", s)
	}
	if s := read("--epochs", "2"); s.Stored || s.FirstPass != 0 { // too short to store
		t.Errorf("from images: %+v", s)
	}
	looked := newData(t, map[string]int{"train": 24, "val": 9, "test": 12})
	if s := read("--epochs", "5", "--feature-cache", "off", "--select", "best", "--data", looked); s.Stored || s.LookCount != 5 || s.Looked != 9 || s.Tested != 12 || s.Looks <= 0 {
		t.Errorf("with looks: %+v", s)
	}
	text := cli(t, "plan", "--backbone", fixture.backbone, "--data", fixture.data, "--method", "linear", "--batch", "8", "--epochs", "3", "--measure")
	text.want(t, exitDone)
	if !regexp.MustCompile(`Time with --recompute activations: \d[\dhms.]*, which is start .*s, reading images .*s, first pass of the feature cache .*s, \d+ steps on stored values at .*s each .*s, evaluation of 12 test images`).MatchString(text.out) {
		t.Errorf("the plan:\n%s", text.out)
	}
}

// TestMemoryRefused: nothing trains if the memory is too little or no size.
func TestMemoryRefused(t *testing.T) {
	out := filepath.Join(t.TempDir(), "run")
	cli(t, tune(out, "--memory", "2MB")...).want(t, exitUsage, "--memory 2MB is too little for this backbone, method and batch: the least is ", "program ")
	cli(t, tune(out, "--memory", "2MB", "--recompute", "none")...).want(t, exitUsage, "--memory 2MB is too little with --recompute none: the least is ")
	cli(t, tune(out, "--memory", "2MB", "--recompute", "none", "--micro-batch", "2")...).want(t, exitUsage, "--memory 2MB is too little for --recompute none --micro-batch 2")
	cli(t, tune(out, "--memory", "2MB", "--micro-batch", "2")...).want(t, exitUsage, "--memory 2MB is too little with --micro-batch 2: the least is ")
	cli(t, tune(out, "--memory", "8gb")...).want(t, exitUsage, `--memory "8gb" is not a size`)
	cli(t, "plan", "--data", fixture.data, "--format", "yaml").want(t, exitUsage, "--format")
}
