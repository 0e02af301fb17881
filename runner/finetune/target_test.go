package finetune

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"dtl-tf/graph/expect"
	"dtl-tf/runner"
	"dtl-tf/runner/data"
	"dtl-tf/runner/internal/datatest"
	"dtl-tf/runner/result"
	"dtl-tf/runner/train"
)

// domain writes class folders with two images of each colour, a class each, below folder/split.
func domain(t *testing.T, folder, split string, colours map[string]int) {
	t.Helper()
	for class, colour := range colours {
		dir := filepath.Join(folder, split, class)
		expect.NoError(t, os.MkdirAll(dir, 0o777))
		for i := range 2 {
			datatest.Image(t, filepath.Join(dir, fmt.Sprintf("%d.png", i)), uint8(80*colour), uint8(40*len(split)+10*i+colour))
		}
	}
}

var redder = map[string]int{"black": 0, "brown": 1, "red": 2}

// TestTargetOpen: the classes of a target get the labels of the source, by name or as numbers in a list.
func TestTargetOpen(t *testing.T) {
	root := t.TempDir()
	domain(t, filepath.Join(root, "source"), "train", redder)
	domain(t, filepath.Join(root, "whole"), "", map[string]int{"red": 2, "brown": 1})
	domain(t, filepath.Join(root, "split"), "test", map[string]int{"red": 2})
	domain(t, filepath.Join(root, "split"), "train", redder)
	domain(t, filepath.Join(root, "more"), "", map[string]int{"red": 2, "Brown": 1, "green": 0})
	domain(t, filepath.Join(root, "other"), "", map[string]int{"dog": 2, "cat": 1})
	source, err := data.Open(filepath.Join(root, "source"))
	expect.NoError(t, err)
	list := filepath.Join(root, "val_meta.list")
	write := func(text string) { expect.NoError(t, os.WriteFile(list, []byte(text), 0o666)) }
	expect.NoError(t, os.Rename(filepath.Join(root, "whole", "red", "0.png"), filepath.Join(root, "whole", "a red  one.png")))
	write("red/1.png 2\na red  one.png 2\nbrown/0.png 1\n")
	for _, c := range []struct {
		target Target
		want   string // names and labels
		note   string
	}{
		{Target{Name: "whole", Folder: filepath.Join(root, "whole")}, "whole/brown/0.png 1, whole/brown/1.png 1, whole/red/1.png 2", "has no test images of its own, so all its 3 images are tested"},
		{Target{Name: "t", Folder: filepath.Join(root, "split")}, "t/test/red/0.png 2, t/test/red/1.png 2", ""},
		{Target{Name: "l", List: &data.List{File: list, Images: filepath.Join(root, "whole")}}, "l/red/1.png 2, l/a red  one.png 2, l/brown/0.png 1", ""},
	} {
		items, notes, err := c.target.Open(source)
		if err != nil {
			t.Errorf("%+v: %v", c.target, err)
			continue
		}
		var got []string
		for _, item := range items {
			got = append(got, fmt.Sprint(item.Name, " ", item.Label))
		}
		if strings.Join(got, ", ") != c.want {
			t.Errorf("%s: %s, want %s", c.target.Name, strings.Join(got, ", "), c.want)
		}
		if all := strings.Join(notes, "\n"); !strings.Contains(all, c.note) || c.note == "" && all != "" {
			t.Errorf("%s: notes %q, want %q", c.target.Name, all, c.note)
		}
	}
	for want, target := range map[string]Target{
		"the target more (" + filepath.Join(root, "more") + ") has images of classes that the source ": {Name: "more", Folder: filepath.Join(root, "more")},
		"have no class in common: cat, dog against black, brown, red":                                  {Name: "other", Folder: filepath.Join(root, "other")},
		"target gone: ": {Name: "gone", Folder: filepath.Join(root, "gone")},
	} {
		_, _, err := target.Open(source)
		expect.Error(t, err, want)
	}
	write("red/1.png 3\n")
	_, _, err = Target{Name: "l", List: &data.List{File: list, Images: filepath.Join(root, "whole")}}.Open(source)
	expect.Error(t, err, "target l: "+list+" line 1: label 3 is out of range: 3 classes have the labels 0 to 2")
	write("red/7.png 2\n")
	_, _, err = Target{Name: "l", List: &data.List{File: list, Images: filepath.Join(root, "whole")}}.Open(source)
	expect.Error(t, err, list+" line 1", filepath.Join(root, "whole", "red", "7.png"))
	lists := filepath.Join(root, "lists")
	datatest.Colours(t, lists)
	_, _, err = Target{Name: "numbers", Folder: lists}.Open(source)
	var usage *runner.UsageError
	if expect.Error(t, err, "target numbers: its classes and those of the source must have names"); !errors.As(err, &usage) {
		t.Errorf("%v is no wrong usage", err)
	}
}

// onTargets is a run on class folders with test images, which is tested on three other domains too: a copy of its own test images, two
// of the three classes, and a single one.
func onTargets(t *testing.T) Config {
	t.Helper()
	c := smallRun(t)
	root := filepath.Dir(c.Data)
	c.Data = filepath.Join(root, "source")
	domain(t, c.Data, "train", redder)
	domain(t, c.Data, "test", redder)
	expect.NoError(t, os.CopyFS(filepath.Join(root, "same"), os.DirFS(filepath.Join(c.Data, "test"))))
	domain(t, filepath.Join(root, "two"), "", map[string]int{"red": 2, "brown": 1})
	domain(t, filepath.Join(root, "one"), "test", map[string]int{"brown": 1})
	for _, name := range []string{"same", "two", "one"} {
		c.Targets = append(c.Targets, Target{Name: name, Folder: filepath.Join(root, name)})
	}
	return c
}

// TestTargets: the accuracy on a target is that of the same model on these images; among its own classes, answers can only get better.
func TestTargets(t *testing.T) {
	c := onTargets(t)
	r, adapter := trainedBy(t, c, "run")
	names := []string{}
	for _, x := range r.Targets {
		names = append(names, fmt.Sprint(x.Name, x.Images, x.Classes))
	}
	if !slices.Equal(names, []string{"same6 3", "two4 2", "one2 1"}) {
		t.Fatalf("targets %v", names)
	}
	if same := r.Targets[0]; same.Top1 != r.Accuracy.Top1 || same.Masked != same.Top1 {
		t.Errorf("the copy of the test images: %+v, the test images: %+v", same, r.Accuracy)
	}
	if two := r.Targets[1]; two.Masked < two.Top1 {
		t.Errorf("two classes: %+v", two)
	}
	if one := r.Targets[2]; one.Masked != 100 {
		t.Errorf("among one class, every answer is right: %+v", one)
	}
	if notes := strings.Join(r.Notes, "\n"); !strings.Contains(notes, "2 of 3 classes (black, red) have no image in one: they are not tested") {
		t.Errorf("notes: %s", notes)
	}
	if notes := strings.Join(r.Notes, "\n"); !strings.Contains(notes, "6 of 6 images of same are also in test, as files with the same content") || strings.Contains(notes, "images of two are also") {
		t.Errorf("notes: %s", notes)
	}
	if n := r.Data.Counts["two"]; n != 4 {
		t.Errorf("images: %v", r.Data.Counts)
	}
	plain := c
	plain.Targets = nil
	p, without := trainedBy(t, plain, "plain")
	if !bytes.Equal(adapter, without) || p.Accuracy.Top1 != r.Accuracy.Top1 || p.Targets != nil {
		t.Error("the targets change the training")
	}
	// The training images as a target, of a source that has no test images.
	expect.NoError(t, os.RemoveAll(filepath.Join(c.Data, "test")))
	c.Targets = []Target{{Name: "seen", Folder: c.Data}}
	r, _ = trainedBy(t, c, "seen")
	if r.Accuracy != nil || len(r.Targets) != 1 || !strings.Contains(strings.Join(r.Notes, "\n"), "6 of 6 images of seen are also in the training data") {
		t.Errorf("%+v, %+v, notes %q", r.Accuracy, r.Targets, r.Notes)
	}
}

// TestTargetDoubt: a classifier that stays as it starts knows nothing about a target either. Images of one class do not tell.
func TestTargetDoubt(t *testing.T) {
	c := onTargets(t)
	c.Method, c.LearningRate = "linear", 1e-60
	r, _ := trainedBy(t, c, "run")
	if r.Accuracy.Doubt == "" || r.Targets[0].Doubt != r.Accuracy.Doubt || r.Targets[2].Doubt != "" {
		t.Errorf("doubts: test %q, targets %q, %q", r.Accuracy.Doubt, r.Targets[0].Doubt, r.Targets[2].Doubt)
	}
}

// until calls found as soon as a text is written.
type until struct {
	text  string
	found func()
}

func (u *until) Write(p []byte) (int, error) {
	if bytes.Contains(p, []byte(u.text)) {
		u.found()
	}
	return len(p), nil
}

// TestTargetsResumed: a run that was stopped after its last epoch is tested on all targets.
func TestTargetsResumed(t *testing.T) {
	c := onTargets(t)
	whole, _ := trainedBy(t, c, "whole")
	c.Out, c.Resume = killed(t, c, func(h *train.Hooks, cancel, _ func()) {
		h.OnEnd("stop", func(train.Info) error { cancel(); return nil })
	}), true
	r, err := Run(context.Background(), c, runner.UI{Out: new(bytes.Buffer), Err: new(bytes.Buffer), Version: "test"})
	expect.NoError(t, err)
	if !reflect.DeepEqual(r.Targets, whole.Targets) || r.Status != result.Finished {
		t.Errorf("%s with %+v, in one piece %+v", r.Status, r.Targets, whole.Targets)
	}

	// Stopped during the second target: only it and the third are measured again.
	part := c
	part.Out, part.Resume = filepath.Join(t.TempDir(), "part"), false
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	_, err = Run(ctx, part, runner.UI{Out: new(bytes.Buffer), Err: &until{text: "evaluating two", found: cancel}, Version: "test"})
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("it was not stopped: %v", err)
	}
	part.Resume = true
	said := new(bytes.Buffer)
	r, err = Run(context.Background(), part, runner.UI{Out: new(bytes.Buffer), Err: said, Version: "test"})
	expect.NoError(t, err)
	if !reflect.DeepEqual(r.Targets, whole.Targets) || !reflect.DeepEqual(r.Accuracy, whole.Accuracy) {
		t.Errorf("%+v and %+v, in one piece %+v and %+v", r.Accuracy, r.Targets, whole.Accuracy, whole.Targets)
	}
	if s := said.String(); strings.Contains(s, "evaluating 6/6") || strings.Contains(s, "evaluating same") || !strings.Contains(s, "evaluating two") || !strings.Contains(s, "evaluating one") {
		t.Errorf("measured after the resume: %s", s)
	}
	c.Targets = c.Targets[:2]
	_, err = Run(context.Background(), c, runner.UI{Out: new(bytes.Buffer), Err: new(bytes.Buffer), Version: "test"})
	expect.Error(t, err, "--resume with other data is refused")
}
