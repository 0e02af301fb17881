package main

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"testing"

	"dtl-tf/dtl"
	"dtl-tf/graph/expect"
	"dtl-tf/runner/result"
)

// spiceAdapter is an adapter trained on spices.
func spiceAdapter(t *testing.T) string {
	t.Helper()
	root := folders(t, t.TempDir(), "train", 4, spices)
	return filepath.Join(trained(t, "--data", root, "--batch", "6"), result.AdapterFile)
}

// TestEvalByName: classes are matched by name, whatever their order and number in the data set. The expected accuracy follows
// from predict, which prints names.
func TestEvalByName(t *testing.T) {
	adapter := spiceAdapter(t)
	rightOf := func(root string) float64 {
		t.Helper()
		right, list := 0, predictions(t, "predict", "--backbone", fixture.backbone, "--adapter", adapter, filepath.Join(root, "test"))
		for _, p := range list {
			if p.Class == filepath.Base(filepath.Dir(p.Image)) {
				right++
			}
		}
		return 100 * float64(right) / float64(len(list))
	}
	subset := folders(t, t.TempDir(), "test", 3, map[string]int{"basil": 1, "cobalt": 2})
	o := cli(t, evalOn(subset, adapter)...)
	o.want(t, exitDone, "there are images of 2 of the classifier's 3 classes (none of amber): each is scored over all 3")
	if want := rightOf(subset); want < 50 || math.Abs(top1(t, evalOn(subset, adapter)...)-want) > 1e-9 {
		t.Errorf("eval says %s, want %v", o.out, want)
	}

	// As many classes as the adapter has, one of them unknown to it.
	folders(t, subset, "test", 3, map[string]int{"dill": 0})
	cli(t, evalOn(subset, adapter)...).want(t, exitUsage, subset, adapter, "dill (3 of 9 images)", "amber, basil, cobalt")
	// Another spelling, with another sort order.
	expect.NoError(t, os.Rename(filepath.Join(subset, "test", "dill"), filepath.Join(subset, "test", "Amber")))
	cli(t, evalOn(subset, adapter)...).want(t, exitUsage, `Amber (3 of 9 images; did you mean "amber", which differs in case`)
}

// TestEvalByNumber: if one side has only numbers, classes are matched by number, and a note says so.
func TestEvalByNumber(t *testing.T) {
	adapter := spiceAdapter(t)
	o := cli(t, evalArgs(adapter)...)
	o.want(t, exitDone, fixture.data+" has no class names: labels are matched by number", "(0 is amber, 1 is basil, 2 is cobalt)")
	numbers := filepath.Join(dtlRun(t), result.AdapterFile)
	same := folders(t, t.TempDir(), "test", 1, spices)
	cli(t, evalOn(same, numbers)...).want(t, exitDone, numbers+" has no class names", "(0 is amber, 1 is basil, 2 is cobalt)")
	fewer := folders(t, t.TempDir(), "test", 1, map[string]int{"amber": 0, "cobalt": 2})
	cli(t, evalOn(fewer, numbers)...).want(t, exitUsage, fewer+" names its 2 classes", numbers+" has 3 without names")
}

// TestInitAdapterByName: the classifier's rows go to the classes of the same name, and a class that the adapter lacks starts as
// in a run without the adapter.
func TestInitAdapterByName(t *testing.T) {
	still := []string{"--epochs", "1", "--lr", "1e-9", "--weight-decay", "0", "--seed", "5", "--batch", "4"}
	adapter := spiceAdapter(t)
	other := folders(t, t.TempDir(), "train", 2, map[string]int{"basil": 1, "cobalt": 2, "Dill": 0, "fennel": 0})
	fresh := trained(t, append(still, "--data", other)...)
	out := filepath.Join(t.TempDir(), "run")
	note := "2 of 4 classes of the head start from the adapter " + adapter + "; fresh: Dill, fennel; left out: amber"
	cli(t, tune(out, append(still, "--data", other, "--init-adapter", adapter)...)...).want(t, exitDone, note)
	if notes := readRun(t, out).Notes; len(notes) == 0 || notes[len(notes)-1] != note {
		t.Errorf("run.json has the notes %q", notes)
	}
	a, err := result.ReadAdapter(adapter)
	expect.NoError(t, err)
	b, err := result.ReadAdapter(filepath.Join(out, result.AdapterFile))
	expect.NoError(t, err)
	new, err := result.ReadAdapter(filepath.Join(fresh, result.AdapterFile))
	expect.NoError(t, err)
	var names []string
	if _, err := b.JSON(result.KeyClassNames, &names); err != nil || fmt.Sprint(names) != "[Dill basil cobalt fennel]" {
		t.Errorf("classes %v", names)
	}
	for _, name := range []string{dtl.HeadWeight, dtl.HeadBias} {
		width := len(a.Tensors[name].Float32()) / 3
		got := b.Tensors[name].Float32()
		if len(got) != 4*width {
			t.Fatalf("%s has the shape %v", name, b.Tensors[name].Shape)
		}
		for i, v := range got {
			row, column := i/width, i%width
			want := new.Tensors[name].Float32()[i]
			if row == 1 || row == 2 { // basil and cobalt, which the adapter has in the same rows
				want = a.Tensors[name].Float32()[row*width+column]
			}
			if math.Abs(float64(v-want)) > 1e-6 {
				t.Errorf("%s, class %d, value %d: %v, want %v", name, row, column, v, want)
			}
		}
	}
}

// TestInitAdapterByNumber: with fewer labels than the adapter has classes, its classifier stays as it is; with more, rows are
// added.
func TestInitAdapterByNumber(t *testing.T) {
	still := []string{"--epochs", "1", "--lr", "1e-9", "--weight-decay", "0", "--batch", "2"}
	adapter := spiceAdapter(t)
	old, err := result.ReadAdapter(adapter)
	expect.NoError(t, err)
	for _, c := range []struct {
		add     string
		classes int
		names   bool
		notes   []string
	}{
		{"", 3, true, []string{"has the labels 0 to 1: the head keeps the 3 classes of the adapter", "labels are matched by number"}},
		{"images/train_00.png 3\n", 4, false, []string{"3 of 4 classes of the head start from the adapter " + adapter + "; fresh: 3"}},
	} {
		root := newData(t, map[string]int{"train": 2, "test": 2})
		write(t, filepath.Join(root, "train.txt"), append(read(t, root, "train.txt"), c.add...))
		out := filepath.Join(t.TempDir(), "run")
		cli(t, tune(out, append(still, "--data", root, "--init-adapter", adapter)...)...).want(t, exitDone, c.notes...)
		a, err := result.ReadAdapter(filepath.Join(out, result.AdapterFile))
		expect.NoError(t, err)
		head := a.Tensors[dtl.HeadWeight]
		if head.Shape[0] != c.classes || readRun(t, out).Data.Classes != c.classes {
			t.Errorf("%d labels: a head of %v", c.classes, head.Shape)
		}
		for i, want := range old.Tensors[dtl.HeadWeight].Float32() {
			if math.Abs(float64(head.Float32()[i]-want)) > 1e-6 {
				t.Fatalf("head[%d] is %v, started from %v", i, head.Float32()[i], want)
			}
		}
		if _, named := a.Meta[result.KeyClassNames]; named != c.names {
			t.Errorf("%d labels: the adapter has names: %v", c.classes, named)
		}
	}
}
