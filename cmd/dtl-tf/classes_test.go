package main

import (
	"math"
	"os"
	"path/filepath"
	"testing"

	"dtl-tf/runner/result"
)

// spiceAdapter is an adapter trained on spices.
func spiceAdapter(t *testing.T) string {
	t.Helper()
	root := folders(t, t.TempDir(), "train", 4, spices)
	return filepath.Join(trained(t, "--data", root, "--batch", "6"), result.AdapterFile)
}

// TestEvalByName: what counts is the class's name, and neither its place in the data set nor the number of classes. What is
// right follows from predict, which says the name of the class.
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
	o := cli(t, append(evalArgs(adapter), "--data", subset)...)
	o.want(t, exitDone, "there are images of 2 of the classifier's 3 classes (none of amber): each is scored over all 3")
	if want := rightOf(subset); want < 50 || math.Abs(top1(t, append(evalArgs(adapter), "--data", subset)...)-want) > 1e-9 {
		t.Errorf("eval says %s, want %v", o.out, want)
	}

	// As many classes as the adapter has, one of which it does not know.
	folders(t, subset, "test", 3, map[string]int{"dill": 0})
	cli(t, append(evalArgs(adapter), "--data", subset)...).want(t, exitUsage, subset, adapter, "dill (3 of 9 images)", "amber, basil, cobalt")
	// Another spelling, which sorts otherwise.
	try(t, os.Rename(filepath.Join(subset, "test", "dill"), filepath.Join(subset, "test", "Amber")))
	cli(t, append(evalArgs(adapter), "--data", subset)...).want(t, exitUsage, `Amber (3 of 9 images; did you mean "amber", which differs in case`)
}

// TestEvalByNumber: where one side has numbers only, they are compared, and a note says so.
func TestEvalByNumber(t *testing.T) {
	adapter := spiceAdapter(t)
	o := cli(t, evalArgs(adapter)...)
	o.want(t, exitDone, fixture.data+" has no class names: labels are matched by number", "(0 is amber, 1 is basil, 2 is cobalt)")
	numbers := filepath.Join(dtlRun(t), result.AdapterFile)
	same := folders(t, t.TempDir(), "test", 1, spices)
	cli(t, append(evalArgs(numbers), "--data", same)...).want(t, exitDone, numbers+" has no class names", "(0 is amber, 1 is basil, 2 is cobalt)")
	fewer := folders(t, t.TempDir(), "test", 1, map[string]int{"amber": 0, "cobalt": 2})
	cli(t, append(evalArgs(numbers), "--data", fewer)...).want(t, exitUsage, fewer+" names its 2 classes", numbers+" has 3 without names")
}
