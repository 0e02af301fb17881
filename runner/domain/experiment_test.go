package domain

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"dtl-tf/graph/expect"
	"dtl-tf/runner"
	"dtl-tf/runner/data"
	"dtl-tf/runner/finetune"
	"dtl-tf/runner/internal/datatest"
	"dtl-tf/runner/result"
)

// put writes a file, with its folders.
func put(t *testing.T, path, content string) {
	t.Helper()
	expect.NoError(t, os.MkdirAll(filepath.Dir(path), 0o777))
	expect.NoError(t, os.WriteFile(path, []byte(content), 0o666))
}

// layout writes the official layout with a few empty pictures, which Check does not read.
func layout(t *testing.T) (root string) {
	t.Helper()
	root = t.TempDir()
	for seed := range 3 {
		name := fmt.Sprintf("n01/train %d.JPEG", seed) // with a blank
		put(t, filepath.Join(root, "imagenet/images/train", name), "")
		put(t, filepath.Join(root, "imagenet/annotations", fmt.Sprintf("train_meta.list.num_shot_16.seed_%d", seed)), name+" 0\n")
	}
	for _, name := range OfficialTargets() {
		folder := filepath.Join(root, name)
		if name == "imagenet" {
			folder = filepath.Join(folder, "images/val")
		}
		put(t, filepath.Join(folder, "a b.JPEG"), "")
		put(t, filepath.Join(root, name, "annotations/val_meta.list"), "a b.JPEG 999\n")
	}
	return root
}

// vitB is a backbone that recipes were published for.
var vitB = result.Backbone{Architecture: "vit:image=224,patch=16,width=768,depth=12,heads=12,mlp=3072", ImageSize: 224}

// jobs describes the trainings of c on a backbone.
func jobs(t *testing.T, c Config, backbone result.Backbone) (list []string, configs []finetune.Config) {
	t.Helper()
	e, err := newExperiment(c)
	expect.NoError(t, err)
	c.TestResize = testResize(backbone.ImageSize, func(string, ...any) {})
	choice, err := c.Parse()
	expect.NoError(t, err)
	_, err = e.check(choice.Seeds)
	expect.NoError(t, err)
	for _, target := range e.trainings(c.PerTarget) {
		j, err := c.job(e, Cell{Source: e.source, Target: target, Method: choice.Methods[0], Seed: choice.Seeds[0]}, choice, backbone)
		expect.NoError(t, err)
		var targets []string
		for _, x := range j.Config.Targets {
			targets = append(targets, x.Name)
		}
		list = append(list, fmt.Sprintf("%s: lr %v, on %s", j.Name, j.Config.LearningRate, strings.Join(targets, " ")))
		configs = append(configs, j.Config)
	}
	return list, configs
}

// TestOfficial: one training is tested on all targets with the recipe of imagenet, and --per-target trains once for each with its own.
func TestOfficial(t *testing.T) {
	c := Default()
	c.Data, c.Out, c.Methods, c.Seeds = layout(t), "results", "dtl+", "1"
	got, configs := jobs(t, c, vitB)
	if want := []string{"imagenet dtl+ seed 1: lr 0.0001, on imagenetv2 imagenet-sketch imagenet-adversarial imagenet-rendition"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	f := configs[0]
	train := data.List{File: filepath.Join(c.Data, "imagenet/annotations/train_meta.list.num_shot_16.seed_1"), Images: filepath.Join(c.Data, "imagenet/images/train")}
	test := data.List{File: filepath.Join(c.Data, "imagenet/annotations/val_meta.list"), Images: filepath.Join(c.Data, "imagenet/images/val")}
	if f.Lists["train"] != train || f.Lists["test"] != test || len(f.Lists) != 2 || f.TrainSplit != "train" {
		t.Errorf("lists %v", f.Lists)
	}
	if sketch := *f.Targets[1].List; sketch.File != filepath.Join(c.Data, "imagenet-sketch/annotations/val_meta.list") || sketch.Images != filepath.Join(c.Data, "imagenet-sketch") {
		t.Errorf("sketch: %v", sketch)
	}
	if f.Seed != 42 || f.Classes != 1000 || f.Epochs != 110 || f.Batch != 32 || f.WeightDecay != 0.05 || f.DropPath != 0 || f.TestResize != 256 ||
		f.Options["rank"] != "2" || f.Options["beta"] != "100" || f.Options["kernel"] != "3" || f.Select != finetune.SelectLast || f.Exif != finetune.ExifOff || f.Augment != "crop,flip,rand-m9-mstd0.5-inc1" {
		t.Errorf("settings %+v", f)
	}
	c.PerTarget, c.Methods = true, "dtl"
	got, configs = jobs(t, c, vitB)
	want := []string{ // the learning rates of the official scripts
		"imagenet to imagenet dtl seed 1: lr 0.0001, on ",
		"imagenet to imagenetv2 dtl seed 1: lr 0.0001, on imagenetv2",
		"imagenet to imagenet-sketch dtl seed 1: lr 5e-05, on imagenet-sketch",
		"imagenet to imagenet-adversarial dtl seed 1: lr 8e-05, on imagenet-adversarial",
		"imagenet to imagenet-rendition dtl seed 1: lr 3e-05, on imagenet-rendition",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if _, tested := configs[2].Lists["test"]; tested || configs[0].Lists["test"] != test {
		t.Errorf("the source's test images: for sketch %v, for imagenet %v", tested, configs[0].Lists)
	}
	c.Targets = "imagenet-sketch, imagenetv2"
	if got, _ = jobs(t, c, vitB); len(got) != 2 || !strings.HasPrefix(got[0], "imagenet to imagenetv2") {
		t.Errorf("two targets: %q", got)
	}
	c.PerTarget, c.Targets, c.Methods, c.Set = false, "imagenetv2", "linear", "epochs=3"
	_, configs = jobs(t, c, result.Backbone{Architecture: "vit:image=32,patch=4", ImageSize: 32})
	if f := configs[0]; f.LearningRate != 5e-3 || f.WeightDecay != 1e-4 || f.Batch != 64 || f.Epochs != 3 || f.TestResize != 37 || len(f.Lists) != 1 {
		t.Errorf("linear: %+v", f)
	}
}

// TestOfficialLists: mistakes in the official layout are found before the first training.
func TestOfficialLists(t *testing.T) {
	root := layout(t)
	v2 := filepath.Join(root, "imagenetv2/annotations/val_meta.list")
	check := func() ([]string, error) {
		c := Default()
		c.Data = root
		e, err := newExperiment(c)
		expect.NoError(t, err)
		return e.check([]uint64{0, 1, 2})
	}
	notes, err := check()
	expect.NoError(t, err)
	for i, want := range []string{"imagenet has 1 images, the official list 50000", "imagenetv2 has 1 images, the official list 10000", "imagenet-sketch has 1 images, the official list 50889",
		"imagenet-adversarial has 1 images, the official list 7500", "imagenet-rendition has 1 images, the official list 30000"} {
		if len(notes) != 5 || notes[i] != want {
			t.Fatalf("notes %q, want %q", notes, want)
		}
	}
	for text, want := range map[string]string{
		"a b.JPEG 1000\n":               "target imagenetv2: " + v2 + " line 1: label 1000 is out of range: 1000 classes have the labels 0 to 999",
		"a b.JPEG 3\n\na b.JPEG 4\n":    v2 + " line 3: ",
		"a b.JPEG tench\n":              v2 + ` line 1: label "tench" is not a whole number`,
		"a b.JPEG 3\nc.JPEG 3\n":        filepath.Join(root, "imagenetv2/c.JPEG"),
		"../imagenet/images/x.JPEG 3\n": "leaves the data set's folder",
		"":                              v2 + " is empty",
	} {
		put(t, v2, text)
		_, err := check()
		expect.Error(t, err, want)
	}
	put(t, v2, "a b.JPEG 3\n")
	seed2 := filepath.Join(root, "imagenet/annotations/train_meta.list.num_shot_16.seed_2")
	expect.NoError(t, os.Remove(seed2))
	_, err = check()
	expect.Error(t, err, seed2)
	expect.NoError(t, os.RemoveAll(filepath.Join(root, "imagenet-sketch")))
	put(t, seed2, "n01/train 2.JPEG 0\n")
	_, err = check()
	expect.Error(t, err, filepath.Join(root, "imagenet-sketch/annotations/val_meta.list"))
}

// own writes domains of class folders: photo with train/ and test/, art with all three classes, sketch without one of them.
func own(t *testing.T) (root string) {
	t.Helper()
	root = t.TempDir()
	for i, name := range []string{"photo/train/cat/1.png", "photo/train/dog/1.png", "photo/train/horse/1.png", "photo/test/cat/2.png", "art/cat/1.png", "art/dog/1.png", "art/horse/1.png", "sketch/dog/1.png", "sketch/horse/1.png",
		"birds/Cat/1.png", "birds/eagle/1.png", "cars/audi/1.png", "cars/opel/1.png"} {
		path := filepath.Join(root, name)
		expect.NoError(t, os.MkdirAll(filepath.Dir(path), 0o777))
		datatest.Image(t, path, 0, uint8(i))
	}
	datatest.Colours(t, filepath.Join(root, "lists"))
	return root
}

// TestOwn: own domains are trained with the usual recipe and the seeds of the call.
func TestOwn(t *testing.T) {
	root := own(t)
	c := Default()
	c.Out, c.Methods, c.Seeds = "results", "dtl", "7"
	c.Source, c.Target = "photo="+filepath.Join(root, "photo"), []string{"art = " + filepath.Join(root, "art"), "sketch=" + filepath.Join(root, "sketch")}
	got, configs := jobs(t, c, vitB)
	if len(got) != 1 || got[0] != "photo dtl seed 7: lr 0.001, on art sketch" {
		t.Errorf("got %q", got)
	}
	f := configs[0]
	if f.Seed != 7 || f.Classes != 3 || f.Data != filepath.Join(root, "photo") || f.Lists != nil || f.Out != filepath.Join("results", ".work", "photo", "dtl", "seed-7") {
		t.Errorf("settings %+v", f)
	}
	c.Source, c.Target = "art="+filepath.Join(root, "art"), []string{"photo=" + filepath.Join(root, "photo")}
	e, err := newExperiment(c)
	expect.NoError(t, err)
	notes, err := e.check([]uint64{1})
	if expect.NoError(t, err); len(notes) != 1 || !strings.HasPrefix(notes[0], "the source art has no test images in ") || e.images != 3 {
		t.Errorf("%d images, notes %q", e.images, notes)
	}
}

// TestOwnRefused: what can't be trained or compared is wrong usage, and says why.
func TestOwnRefused(t *testing.T) {
	root := own(t)
	at := func(name, folder string) string { return name + "=" + filepath.Join(root, folder) }
	photo := at("photo", "photo")
	for _, v := range []struct {
		source  string
		targets []string
		change  func(c *Config)
		want    string
	}{
		{photo, []string{at("birds", "birds")}, nil, "have no class in common: Cat, eagle against cat, dog, horse"},
		{photo, []string{at("cars", "cars")}, nil, "have no class in common: audi, opel against cat, dog, horse"},
		{at("sketch", "sketch"), []string{at("art", "art")}, nil, "has images of classes that the source " + filepath.Join(root, "sketch") + " does not know: cat (1 of 3 images)"},
		{photo, []string{at("art", "art"), at("art", "sketch")}, nil, "two domains have the name art"},
		{photo, []string{at("photo", "art")}, nil, "two domains have the name photo"},
		{photo, nil, nil, "--target is required with --source"},
		{"", []string{at("art", "art")}, nil, "--source is required with --target"},
		{"", nil, nil, "--data or --source is required"},
		{photo, []string{at("art", "art")}, func(c *Config) { c.Data = root }, "--data is the official layout, --source and --target are your own domains"},
		{photo, []string{at("art", "art")}, func(c *Config) { c.PerTarget = true }, "--per-target trains with the published recipe of each target"},
		{photo, []string{at("art", "art")}, func(c *Config) { c.Targets = "imagenetv2" }, "--targets chooses among those of the official layout"},
		{"", nil, func(c *Config) { c.Data, c.Targets = root, "imagenet-scetch" }, `target "imagenet-scetch" is unknown: did you mean imagenet-sketch?`},
		{"photo", []string{at("art", "art")}, nil, `--source "photo": want NAME=FOLDER`},
		{photo, []string{"=x"}, nil, `--target "=x": want NAME=FOLDER`},
		{photo, []string{at("a/b", "art")}, nil, `a domain can't have the name "a/b"`},
		{photo, []string{at("test", "art")}, nil, "a domain can't have the name test, which is that of a split"},
		{at("numbers", "lists"), []string{at("art", "art")}, nil, "it has lists, in which classes are numbers"},
		{photo, []string{at("numbers", "lists")}, nil, "target numbers: its classes and those of the source must have names"},
	} {
		c := Default()
		c.Source, c.Target = v.source, v.targets
		if v.change != nil {
			v.change(&c)
		}
		e, err := newExperiment(c)
		if err == nil {
			_, err = e.check([]uint64{1})
		}
		var usage *runner.UsageError
		if expect.Error(t, err, v.want); !errors.As(err, &usage) {
			t.Errorf("%v is no wrong usage", err)
		}
	}
	c := Default()
	c.Source, c.Target = photo, []string{at("gone", "gone")}
	e, err := newExperiment(c)
	expect.NoError(t, err)
	_, err = e.check([]uint64{1})
	expect.Error(t, err, "target gone", filepath.Join(root, "gone"))
}
