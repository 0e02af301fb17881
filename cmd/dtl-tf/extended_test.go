package main

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"dtl-tf/dtl"
	"dtl-tf/graph"
	"dtl-tf/graph/backbone"
	"dtl-tf/graph/backbone/familytest"
	"dtl-tf/graph/need"
)

// extend registers a family of backbones and a method, as another program would.
func extend() {
	familytest.Register()
	dtl.Register(dtl.Definition{
		Name: "shift", Place: 75, Options: []dtl.Option{{Name: "factor", Kind: dtl.Number, Text: "factor of the vectors", Default: "2"}},
		New: func(o *dtl.Reader, _ backbone.Architecture) dtl.Method { return shift{o.Positive("factor", 2)} },
	})
}

// shift adds a trainable vector to the output of each block's MLP.
type shift struct{ factor float64 }

func (shift) Name() string              { return "shift" }
func (shift) Pool() backbone.Pool       { return backbone.PoolMean }
func (shift) Trains(backbone.Spec) bool { return false }
func (s shift) Attach(p *dtl.Params, a backbone.Architecture) func() backbone.Hook {
	var vectors []graph.Value
	for _, block := range a.Blocks() {
		vectors = append(vectors, p.DeclareFree(fmt.Sprintf("shift.%d", block.Index), dtl.Zeros, block.Width))
	}
	return func() backbone.Hook {
		return func(b *graph.Builder, at backbone.Tap, _, out graph.Value) graph.Value {
			if at.Point != backbone.MLPOutput {
				return out
			}
			return b.AddRow(out, b.Scale(vectors[at.Block.Index], s.factor))
		}
	}
}

// TestExtended runs the commands with a family of backbones and a method that no file of the program names.
func TestExtended(t *testing.T) {
	need.Heavy(t, "starts 15 processes")
	dir := t.TempDir()
	at := func(parts ...string) string { return filepath.Join(append([]string{dir}, parts...)...) }
	do := func(want string, args ...string) string {
		t.Helper()
		o := launch(t, extended, args...).end()
		if o.code != exitDone || !strings.Contains(o.out+o.err, want) {
			t.Fatalf("%s: exit code %d, want %q in\n%s%s", strings.Join(args, " "), o.code, want, o.out, o.err)
		}
		return o.out
	}
	tune := func(out string, args ...string) []string {
		return append([]string{"fine-tune", "--data", fixture.data, "--epochs", "2", "--batch", "8", "--lr", "0.01", "--out", at(out)}, args...)
	}
	do("--factor", "fine-tune", "--help")
	do("full", tune("full", "--init", "random", "--backbone", "toy_small", "--method", "full")...)
	own := at("full", "backbone.npz")
	do("toy, 2-2 blocks, width 6-12", "backbone", "inspect", own)
	do("shift", tune("shift", "--backbone", own, "--method", "shift", "--factor", "3")...)
	if run := readRun(t, at("shift")); run.Parameters.Trainable != 2*6+2*12 {
		t.Errorf("%d parameters, want 36", run.Parameters.Trainable)
	}
	do("dtl", tune("dtl", "--backbone", own)...)
	adapter := at("shift", "adapter.safetensors")
	do("top-1", "eval", "--backbone", own, "--adapter", adapter, "--data", fixture.data)
	image := filepath.Join(fixture.data, "images", "test_00.png")
	predicted := do("test_00.png", "predict", "--backbone", own, "--adapter", adapter, image)
	do("", "export", "--backbone", own, "--adapter", adapter, "--out", at("served"))
	if served := do("test_00.png", "predict", "--saved-model", at("served"), image); strings.Fields(served)[1] != strings.Fields(predicted)[1] {
		t.Errorf("the exported model says %q, the adapter %q", served, predicted)
	}
	do("wrote", "backbone", "export", own, "--out", at("model"))
	do("toy, 2-2 blocks", "backbone", "inspect", at("model"))
	do("bitfit", tune("bitfit", "--backbone", own, "--method", "bitfit")...)
	do("", "merge", "--backbone", own, "--adapter", at("bitfit", "adapter.safetensors"), "--out", at("merged.npz"))
	do("test_00.png", "predict", "--backbone", at("merged.npz"), image)
	table := do("shift", "compare", "--backbone", "toy_small", "--methods", "full,linear,shift,dtl", "--batch", "2", "--steps", "1", "--out", at("rows"))
	if strings.Index(table, "linear") > strings.Index(table, "shift") || strings.Index(table, "shift") > strings.LastIndex(table, "dtl") {
		t.Errorf("the table is not in the order of the methods' places:\n%s", table)
	}
	if o := launch(t, extended, tune("lst", "--backbone", own, "--method", "lst")...).end(); o.code != exitUsage || !strings.Contains(o.err, "2 stages") {
		t.Errorf("lst: exit code %d, %s", o.code, o.err)
	}
}
