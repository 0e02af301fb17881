package main

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"dtl-tf/dtl"
	"dtl-tf/graph"
	"dtl-tf/graph/expect"
	"dtl-tf/graph/savedmodel"
	"dtl-tf/graph/tensor"
	"dtl-tf/graph/weight"
	"dtl-tf/runner/result"
)

// taskRuns are runs on the fixture with different methods and options, shared by the tests of several tasks: a folder of run folders.
var taskRuns struct {
	once   sync.Once
	folder string
	failed outcome
}

var taskNames = []string{"half", "linear", "lora", "plus"} // in the order of their folders

func tasksRun(t *testing.T) string {
	t.Helper()
	taskRuns.once.Do(func() {
		taskRuns.folder = filepath.Join(filepath.Dir(fixture.backbone), "tasks")
		for name, flags := range map[string][]string{
			"half": {"--method", "dtl", "--rank", "3"}, "plus": {"--method", "dtl+", "--feedback-from", "0"}, "linear": {"--method", "linear", "--pool", "mean"}, "lora": {"--method", "lora"},
		} {
			if o := cli(t, tune(filepath.Join(taskRuns.folder, name), append(flags, "--epochs", "1")...)...); o.code != exitDone {
				taskRuns.failed = o
			}
		}
	})
	if taskRuns.failed.code != exitDone {
		t.Fatalf("a run that this test reads failed: %s", taskRuns.failed.err)
	}
	return taskRuns.folder
}

// taskPrediction is a line of predict --json for several adapters.
type taskPrediction struct {
	prediction
	Adapter string `json:"adapter"`
}

func taskPredictions(t *testing.T, text string) map[string][]prediction {
	t.Helper()
	byTask := map[string][]prediction{}
	for line := range strings.Lines(text) {
		var p taskPrediction
		expect.NoError(t, json.Unmarshal([]byte(line), &p))
		byTask[p.Adapter] = append(byTask[p.Adapter], p.prediction)
	}
	return byTask
}

// TestPredictTasks: several adapters in one pass give what each gives alone, bit for bit, as JSON lines and as a table.
func TestPredictTasks(t *testing.T) {
	runs := tasksRun(t)
	images := testImages(t)
	o := cli(t, append([]string{"predict", "--backbone", fixture.backbone, "--adapter", runs, "--json", "--batch", "5"}, images...)...)
	o.want(t, exitDone, "4 tasks on one backbone of 2 blocks: the first 2 run once (shared blocks: 2 for half, linear, none for lora, 1 for plus)",
		"5 blocks run for an image instead of 8, 37 % fewer", "12 images by 4 tasks")
	got := taskPredictions(t, o.out)
	singles := map[string][]prediction{}
	for _, name := range taskNames {
		singles[name] = predictions(t, append([]string{"predict", "--backbone", fixture.backbone, "--adapter", filepath.Join(runs, name), "--batch", "5"}, images...)...)
		sameLogits(t, got[name], singles[name], 0)
		for i, p := range got[name] {
			if p.Image != images[i] || p.Label != singles[name][i].Label || p.Probability != singles[name][i].Probability {
				t.Errorf("%s: %+v, want %+v", name, p, singles[name][i])
			}
		}
	}
	if lines := strings.Count(o.out, "\n"); lines != 4*len(images) || len(got) != 4 {
		t.Errorf("%d lines of %d tasks", lines, len(got))
	}
	o = cli(t, "predict", "--backbone", fixture.backbone, "--adapter", "b="+filepath.Join(runs, "plus", result.AdapterFile), "--adapter", "a="+filepath.Join(runs, "half"), images[3])
	o.want(t, exitDone, "3 blocks run for an image instead of 4")
	half, plus := singles["half"][3], singles["plus"][3]
	want := fmt.Sprintf("image\tb\ta\n%s\t%d %.4f\t%d %.4f\n", images[3], plus.Label, plus.Probability, half.Label, half.Probability)
	if o.out != want {
		t.Errorf("the table is\n%swant\n%s", o.out, want)
	}
	alone := cli(t, "predict", "--backbone", fixture.backbone, "--adapter", "a="+filepath.Join(runs, "half"), "--json", images[3])
	alone.want(t, exitDone)
	sameLogits(t, taskPredictions(t, alone.out)["a"], singles["half"][3:4], 1e-5)
}

// TestEvalTasks: each adapter has the accuracy that it has alone, and images with the same content run once.
func TestEvalTasks(t *testing.T) {
	runs := tasksRun(t)
	other := filepath.Join(t.TempDir(), "copy") // the fixture's test images with other labels, and some more
	expect.NoError(t, writeLists(other, map[string]int{"test": 15}))
	for _, path := range testImages(t) {
		write(t, filepath.Join(other, "images", filepath.Base(path)), read(t, path))
	}
	list := strings.Builder{}
	for i := range 15 {
		fmt.Fprintf(&list, "images/test_%02d.png %d\n", i, (i/2)%3)
	}
	fmt.Fprintln(&list, "images/test_00.png 2") // the first image again
	write(t, filepath.Join(other, "test.txt"), []byte(list.String()))
	pairs := []struct{ name, data string }{{"linear", fixture.data}, {"half", other}, {"lora", other}}
	args := []string{"eval", "--backbone", fixture.backbone, "--batch", "4"}
	for _, p := range pairs {
		args = append(args, "--adapter", filepath.Join(runs, p.name), "--data", p.data)
	}
	o := cli(t, append(args, "--json")...)
	o.want(t, exitDone, "44 images in 3 data sets, of which 15 differ in content", "4 blocks run for an image instead of 6")
	lines := strings.Split(strings.TrimSpace(o.out), "\n")
	if len(lines) != 3 {
		t.Fatalf("eval prints %s", o.out)
	}
	text := cli(t, args...)
	text.want(t, exitDone)
	for i, p := range pairs {
		var score struct {
			Adapter, Data string
			Top1          float64
			Images        int
		}
		decode(t, []byte(lines[i]), &score)
		want := top1(t, "eval", "--backbone", fixture.backbone, "--adapter", filepath.Join(runs, p.name), "--data", p.data)
		n := map[string]int{fixture.data: 12, other: 16}[p.data]
		if score.Adapter != p.name || score.Data != p.data || score.Images != n || math.Abs(score.Top1-want) > 1e-9 {
			t.Errorf("%s: %+v, want %v of %d", p.name, score, want, n)
		}
		if line := fmt.Sprintf("%s: top-1 %.2f %% of %d images (test of %s)\n", p.name, want, n, p.data); !strings.Contains(text.out, line) {
			t.Errorf("eval prints no %q: %s", line, text.out)
		}
	}
	o = cli(t, "eval", "--backbone", fixture.backbone, "--adapter", runs, "--data", fixture.data)
	o.want(t, exitDone, "48 images in 1 data set, of which 12 differ")
	if strings.Count(o.out, "of 12 images") != 4 {
		t.Errorf("one data set for all: %s", o.out)
	}
}

// TestTasksRefused: what can't be one pass is refused with the names of the tasks or files.
func TestTasksRefused(t *testing.T) {
	runs := tasksRun(t)
	file := func(name string) string { return filepath.Join(runs, name, result.AdapterFile) }
	image := testImages(t)[0]
	two := func(first, second string, more ...string) []string {
		return append([]string{"predict", "--backbone", fixture.backbone, "--adapter", first, "--adapter", second}, append(more, image)...)
	}
	changed := func(key, value string) string {
		f, err := weight.Open(file("half"))
		expect.NoError(t, err)
		meta := f.Metadata
		meta[key] = value
		path := filepath.Join(t.TempDir(), "changed.safetensors")
		expect.NoError(t, writeSafetensors(path, f.Tensors, meta))
		return path
	}
	cli(t, two("a="+file("half"), "a="+file("plus"))...).want(t, exitUsage, "two adapters have the name a")
	cli(t, two(file("half"), changed("backbone_weights_sha256", "0123456789abcdef"))...).want(t, exitFailed, "changed.safetensors was trained on another backbone", "0123456789ab")
	cli(t, two(file("half"), changed("image_size", "12"))...).want(t, exitFailed, "changed.safetensors was trained with --image-size 12, and "+file("half")+" with 8: they can't share a pass")
	cli(t, two(file("half"), changed("mean", "[0.1,0.2,0.3]"))...).want(t, exitFailed, "--mean [0.1 0.2 0.3]", "run them apart")
	cli(t, two(file("half"), changed("precision", "bf16"))...).want(t, exitFailed, "was trained in bf16", "run them apart")
	cli(t, two(file("half"), filepath.Join(runs, "gone"))...).want(t, exitFailed, "gone")
	cli(t, two(file("half"), file("plus"), "--saved-model", "x")...).want(t, exitUsage, "--saved-model")
	cli(t, "eval", "--backbone", fixture.backbone, "--adapter", file("half"), "--adapter", file("plus"), "--adapter", file("lora"), "--data", fixture.data, "--data", fixture.data).
		want(t, exitUsage, "3 adapters and 2 --data")
	cli(t, "eval", "--backbone", fixture.backbone, "--adapter", file("half"), "--data", fixture.data, "--data", fixture.data).want(t, exitUsage, "2 --data")
	cli(t, "eval", "--backbone", fixture.backbone, "--adapter", runs).want(t, exitUsage, "--data is required")

	a, err := result.ReadAdapter(file("half"))
	expect.NoError(t, err)
	a.Tensors[dtl.HeadBias].Float32()[1] = float32(math.Inf(1))
	overflow := filepath.Join(t.TempDir(), "overflow.safetensors")
	expect.NoError(t, writeSafetensors(overflow, a.Tensors, a.Meta))
	o := cli(t, two(file("plus"), "broken="+overflow)...)
	o.want(t, exitFailed, "overflow.safetensors")
	if strings.Contains(o.out, image) {
		t.Errorf("an answer is printed: %s", o.out)
	}
	for name, v := range a.Tensors { // each finite, their products are not
		for i := range v.Float32() {
			if name != dtl.HeadBias {
				v.Float32()[i] = 1e30
			}
		}
	}
	a.Tensors[dtl.HeadBias].Float32()[1] = 0
	expect.NoError(t, writeSafetensors(overflow, a.Tensors, a.Meta))
	o = cli(t, two(file("plus"), "broken="+overflow)...)
	o.want(t, exitFailed, "task broken: image "+image+" can't be classified: its logit of class 0 is")
}

// exportedTasks exports the runs of tasksRun as one SavedModel. It returns also the lines of predict with the adapters.
func exportedTasks(t *testing.T) (model, lines string) {
	t.Helper()
	runs := tasksRun(t)
	model = filepath.Join(t.TempDir(), "tasks")
	cli(t, "export", "--backbone", fixture.backbone, "--adapter", runs, "--out", model).want(t, exitDone)
	o := cli(t, append([]string{"predict", "--json", "--backbone", fixture.backbone, "--adapter", runs}, testImages(t)...)...)
	o.want(t, exitDone)
	return model, write(t, filepath.Join(t.TempDir(), "tasks.jsonl"), []byte(o.out))
}

// TestExportTasks: one SavedModel answers for every task, by one signature a task and by one for all tasks in one pass. It has the weights
// of the backbone once.
func TestExportTasks(t *testing.T) {
	runs := tasksRun(t)
	images := testImages(t)
	model := filepath.Join(t.TempDir(), "both")
	args := []string{"export", "--backbone", fixture.backbone, "--out", model}
	for _, name := range taskNames {
		args = append(args, "--adapter", "t-"+name+"="+filepath.Join(runs, name))
	}
	o := cli(t, args...)
	o.want(t, exitDone)
	for _, text := range []string{"4 tasks: 5 blocks run for an image instead of 8", "serving_default", "resized_0_to_1", "t-half   images of any size -> logits, probabilities [n, 3] (dtl)"} {
		if !strings.Contains(o.out, text) {
			t.Errorf("export prints no %q:\n%s", text, o.out)
		}
	}
	all := cli(t, append([]string{"predict", "--saved-model", model, "--json", "--batch", "5"}, images...)...)
	all.want(t, exitDone, "5 blocks run for an image instead of 8")
	got := taskPredictions(t, all.out)
	loaded, err := savedmodel.Load(model, graph.SessionOptions{Threads: 2})
	expect.NoError(t, err)
	defer loaded.Close()
	pixels := tensor.Must(make([]uint8, 2*9*10*3), 2, 9, 10, 3)
	for i := range pixels.Data.([]uint8) {
		pixels.Data.([]uint8)[i] = uint8(i * i)
	}
	var outputs []string
	for _, name := range taskNames {
		want := predictions(t, append([]string{"predict", "--backbone", fixture.backbone, "--adapter", filepath.Join(runs, name)}, images...)...)
		sameLogits(t, got["t-"+name], want, 1e-5)
		outputs = append(outputs, "t-"+name+"_logits")
	}
	together, err := loaded.RunAll(savedmodel.Signature, "images", pixels, outputs...)
	expect.NoError(t, err)
	for i, name := range taskNames {
		alone, err := loaded.Run("t-"+name, "images", pixels, "logits")
		expect.NoError(t, err)
		if len(alone.Float32()) != 6 || !slices.Equal(alone.Float32(), together[i].Float32()) {
			t.Errorf("%s: %v by its signature, %v of all", name, alone.Float32(), together[i].Float32())
		}
	}
	stored, err := savedmodel.ReadVariables(t.Context(), os.DirFS(model))
	expect.NoError(t, err)
	for name := range fixture.weights {
		if _, ok := stored[name]; !ok && !strings.HasPrefix(name, "head") {
			t.Errorf("the SavedModel lacks %s", name)
		}
	}
	for name := range stored {
		if _, ok := fixture.weights[name]; !ok && !strings.HasPrefix(name, "tasks/t-") {
			t.Errorf("the SavedModel holds %s", name)
		}
	}

	cli(t, "predict", "--saved-model", model, "--adapter", filepath.Join(runs, "half"), images[0]).want(t, exitUsage, "--adapter and --saved-model contradict")
	half := filepath.Join(runs, "half")
	for _, name := range []string{"serving_default", "resized_0_to_1", "two words", "ü"} {
		cli(t, "export", "--backbone", fixture.backbone, "--adapter", name+"="+half, "--adapter", half, "--out", model+"2").want(t, exitUsage, "can't be that of a signature")
	}
	cli(t, args...).want(t, exitFailed, "exists already")
	tasks := filepath.Join(model, "assets.extra", "tasks.json")
	good := string(read(t, tasks))
	for _, bad := range [][2]string{{`"version": 1`, `"version": 9`}, {`"classes": 3`, `"classes": 0`}, {`"image_size": 8`, `"image_size": 0`}, {"dtl-tf tasks", "tasks"}, {`"classes": 3`, `"classes": 4`}} {
		write(t, tasks, []byte(strings.Replace(good, bad[0], bad[1], 1)))
		o := cli(t, "predict", "--saved-model", model, images[0])
		if o.want(t, exitFailed, model); o.out != "" && !strings.HasPrefix(o.out, "image\t") {
			t.Errorf("%v: %s", bad, o.out)
		}
	}
}
