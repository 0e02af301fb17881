package fewshot

import (
	"slices"
	"strings"
	"testing"

	"dtl-tf/graph/expect"
	"dtl-tf/runner/data"
	"dtl-tf/runner/finetune"
	"dtl-tf/runner/result"
)

func backboneOf(architecture string, size int) result.Backbone {
	return result.Backbone{Architecture: architecture, ImageSize: size}
}

// TestJobs: the protocol and the recipes arrive in the training, and all cells of a split come before the next split.
func TestJobs(t *testing.T) {
	root := official(t)
	p, list, _, err := opened(t, root, func(c *Config) { c.Methods, c.Shots, c.Set = "dtl+,linear", "2,1", "epochs=7,kernel=5" })
	expect.NoError(t, err)
	p.Choice.Seeds = []uint64{1, 0}
	jobs, err := p.jobs(list, backboneOf(vitB, 224), func(string, ...any) { t.Error("a note on the protocol's own size") })
	expect.NoError(t, err)
	var names []string
	for _, j := range jobs {
		names = append(names, j.Name)
	}
	want := []string{"my set 2-shot dtl+ split 1", "my set 2-shot linear split 1", "my set 1-shot dtl+ split 1", "my set 1-shot linear split 1",
		"my set 2-shot dtl+ split 0", "my set 2-shot linear split 0", "my set 1-shot dtl+ split 0", "my set 1-shot linear split 0"}
	if !slices.Equal(names, want) {
		t.Errorf("%q", names)
	}
	f := jobs[4].Config
	if f.Seed != 42 || f.Epochs != 7 || f.Batch != 32 || f.LearningRate != 0.001 || f.Options["kernel"] != "5" || f.Augment != "crop,flip,rand-m9-mstd0.5-inc1" ||
		f.TestResize != 256 || f.Select != finetune.SelectBest || f.SelectEvery != 10 || f.TrainSplit != data.Train || f.EvalSplit != data.Test ||
		f.Classes != 2 || f.Exif != finetune.ExifOff || !strings.HasSuffix(f.Lists[data.Train].File, "num_shot_2.seed_0") ||
		f.Origin != "not official: a data set that is not in the experiment" {
		t.Errorf("%+v", f)
	}
	if f := jobs[5].Config; f.LearningRate != 0.005 || f.Batch != 64 || f.Options["kernel"] != "" {
		t.Errorf("linear: %+v", f)
	}
	if jobs[4].Images != 4 {
		t.Errorf("%d training images", jobs[4].Images)
	}
	notes := 0
	p.TestResize = 0
	jobs, err = p.jobs(list, backboneOf(vitB, 32), func(string, ...any) { notes++ })
	if err != nil || jobs[0].Config.TestResize != 37 || notes != 1 { // 32 x 256 / 224 = 36.6
		t.Errorf("a backbone with images of 32 pixels: %d, %v", jobs[0].Config.TestResize, err)
	}
}
