package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"dtl-tf/graph/expect"
	"dtl-tf/graph/need"
	"dtl-tf/runner"
	"dtl-tf/runner/result"
)

// exported trains with the given flags and exports the result. It returns the SavedModel, the predictions with backbone and
// adapter, and a file with these predictions as JSON lines.
func exported(t *testing.T, flags ...string) (model string, want []prediction, lines string) {
	t.Helper()
	out := trained(t, append([]string{"--epochs", "1"}, flags...)...)
	backbone := fixture.backbone
	if _, err := os.Stat(filepath.Join(out, "backbone.npz")); err == nil {
		backbone = filepath.Join(out, "backbone.npz")
	}
	model = filepath.Join(t.TempDir(), "models", "colours")
	with := []string{"--backbone", backbone, "--adapter", filepath.Join(out, result.AdapterFile)}
	o := cli(t, append([]string{"export", "--out", model}, with...)...)
	o.want(t, exitDone)
	for _, text := range []string{model, "3 classes", "serving_default", "resized_0_to_1", "[n, 8, 8, 3] in 0..1"} {
		if !strings.Contains(o.out, text) {
			t.Errorf("export prints no %q:\n%s", text, o.out)
		}
	}
	args := append(append([]string{"predict"}, with...), testImages(t)...)
	want = predictions(t, args...)
	lines = write(t, filepath.Join(t.TempDir(), "predictions.jsonl"), []byte(cli(t, append(args, "--json")...).out))
	return model, want, lines
}

// exportedCases are flags of fine-tune: every method, and settings that change the graph of all methods.
func exportedCases() (list [][]string) {
	if !need.AllowsHeavy() {
		return [][]string{{"--method", "dtl+"}, {"--method", "full"}, {"--precision", "bf16", "--pool", "cls"}, {"--test-resize", "13"}}
	}
	for _, method := range strings.Split(runner.MethodNames(), ", ") {
		list = append(list, []string{"--method", method})
	}
	return append(list, []string{"--precision", "bf16"}, []string{"--pool", "cls", "--mean", "0.485,0.456,0.406", "--std", "0.229,0.224,0.225"})
}

// TestExport: predict gives the same results with a SavedModel as with backbone and adapter, for every method.
func TestExport(t *testing.T) {
	for _, flags := range exportedCases() {
		t.Run(strings.Join(flags, " "), func(t *testing.T) {
			model, want, _ := exported(t, flags...)
			got := predictions(t, append([]string{"predict", "--saved-model", model, "--batch", "5"}, testImages(t)...)...)
			tolerance := 1e-5
			if slices.Contains(flags, "bf16") {
				tolerance = 0.02 // predict's kernels round to bfloat16 at other points than TensorFlow's ops
			}
			sameLogits(t, got, want, tolerance)
			for i := range got {
				if got[i].Image != want[i].Image || got[i].Label != want[i].Label {
					t.Errorf("prediction %+v, want %+v", got[i], want[i])
				}
			}
		})
	}
}

// TestExportInPython: TensorFlow's Python loads and runs exported models in one process, on images of their own size, and finds
// their signatures.
func TestExportInPython(t *testing.T) {
	need.Heavy(t, "starts TensorFlow's Python")
	need.Python(t, "tensorflow")
	args := []string{filepath.Join("..", "..", "scripts", "check_savedmodel.py")}
	cases := exportedCases()
	for _, flags := range cases {
		model, _, lines := exported(t, flags...)
		args = append(args, model, lines)
	}
	model, lines := exportedTasks(t)
	python(t, append(args, model, lines), len(cases)+1, "logits within")
}

// TestExportOfRealImages does the same with a pre-trained backbone and photographs of all sizes.
func TestExportOfRealImages(t *testing.T) {
	backbone := need.Shared(t, "backbones", "vit_tiny_patch16_224.npz")
	images, err := filepath.Glob(filepath.Join(need.Shared(t, "vtab-1k", "caltech101", "images", "test"), "0000[0-3]*.jpg"))
	expect.NoError(t, err)
	need.Heavy(t, "starts TensorFlow's Python")
	need.Python(t, "tensorflow")
	run, model := filepath.Join(t.TempDir(), "run"), filepath.Join(t.TempDir(), "model")
	with := []string{"--backbone", backbone, "--adapter", filepath.Join(run, result.AdapterFile)}
	cli(t, "fine-tune", "--backbone", backbone, "--data", newData(t, map[string]int{"train800val200": 24}), "--out", run,
		"--epochs", "1", "--batch", "8", "--lr", "0.05", "--schedule", "constant").want(t, exitDone)
	cli(t, append([]string{"export", "--out", model}, with...)...).want(t, exitDone)
	o := cli(t, append(append([]string{"predict", "--json"}, with...), images...)...)
	o.want(t, exitDone)
	lines := write(t, filepath.Join(t.TempDir(), "predictions.jsonl"), []byte(o.out))
	python(t, []string{filepath.Join("..", "..", "scripts", "check_savedmodel.py"), model, lines}, 1, fmt.Sprintf("%d images", len(images)))
}

// python runs a script, which must print the given number of lines that contain the text.
func python(t *testing.T, args []string, lines int, text string) {
	t.Helper()
	out, err := exec.Command("python3", args...).CombinedOutput()
	if err != nil || strings.Count(string(out), text) != lines {
		t.Fatalf("%v, want %d lines with %q:\n%s", err, lines, text, out)
	}
	t.Logf("%s", out)
}

// TestExportKeepsNames: the exported model has the names of the classes.
func TestExportKeepsNames(t *testing.T) {
	root := t.TempDir()
	for i := range 6 {
		class := filepath.Join(root, "train", []string{"amber", "basil", "cobalt"}[i%3])
		expect.NoError(t, os.MkdirAll(class, 0o777))
		expect.NoError(t, writeImage(filepath.Join(class, fmt.Sprintf("%d.png", i)), i%3, uint64(i)))
	}
	model, want, _ := exported(t, "--data", root, "--batch", "6", "--method", "linear")
	images := testImages(t)
	got := predictions(t, append([]string{"predict", "--saved-model", model}, images...)...)
	for i, p := range got {
		if p.Class != want[i].Class || p.Class != []string{"amber", "basil", "cobalt"}[p.Label] {
			t.Errorf("%s is %q, want %q", p.Image, p.Class, want[i].Class)
		}
	}
	var described struct {
		ClassNames []string `json:"class_names"`
		Method     string
		Backbone   struct{ SHA256 string }
	}
	decode(t, read(t, model, "assets.extra", "classifier.json"), &described)
	if !reflect.DeepEqual(described.ClassNames, []string{"amber", "basil", "cobalt"}) || described.Method != "linear" || len(described.Backbone.SHA256) != 64 {
		t.Errorf("classifier.json says %+v", described)
	}
}

func TestExportRefused(t *testing.T) {
	adapter := filepath.Join(dtlRun(t), result.AdapterFile)
	dir := t.TempDir()
	model := filepath.Join(dir, "model")
	args := func(more ...string) []string {
		return append([]string{"export", "--backbone", fixture.backbone, "--adapter", adapter, "--out", model}, more...)
	}
	cli(t, "export", "--backbone", fixture.backbone, "--out", model).want(t, exitUsage, "--adapter", "required")
	cli(t, "export", "--adapter", adapter).want(t, exitUsage, "--out", "required")
	cli(t, args("--method", "lora")...).want(t, exitUsage, "--method lora", "dtl")
	cli(t, args("more")...).want(t, exitUsage, "more")
	if _, err := os.Stat(model); err == nil {
		t.Fatal("a refused export left a folder")
	}
	cli(t, args()...).want(t, exitDone)
	before := snapshotTree(t, model)
	cli(t, args()...).want(t, exitFailed, model, "exists already")
	cli(t, args("--overwrite", "--adapter", filepath.Join(dir, "gone"))...).want(t, exitFailed, "gone")
	if snapshotTree(t, model) != before {
		t.Error("the SavedModel that was there has changed")
	}
	cli(t, args("--overwrite")...).want(t, exitDone)
	if snapshotTree(t, model) != before {
		t.Error("the same export gives other files")
	}
	keep := write(t, filepath.Join(t.TempDir(), "thesis.tex"), nil)
	cli(t, args("--overwrite", "--out", filepath.Dir(keep))...).want(t, exitFailed, filepath.Dir(keep), "not a SavedModel")

	image := testImages(t)[0]
	for flag, value := range map[string]string{
		"adapter": adapter, "backbone": fixture.backbone, "heads": "2", "image-size": "8", "mean": "0.5", "std": "0.5", "method": "dtl", "pool": "cls", "rank": "2",
	} {
		cli(t, "predict", "--saved-model", model, "--"+flag, value, image).want(t, exitUsage, "--"+flag, "--saved-model", "contradict")
	}
	plain := filepath.Join(dir, "plain")
	cli(t, "backbone", "export", fixture.backbone, "--out", plain).want(t, exitDone)
	cli(t, "predict", "--saved-model", plain, image).want(t, exitFailed, plain, "classifier.json is missing", "dtl-tf export")
	cli(t, "predict", "--saved-model", filepath.Join(dir, "gone"), image).want(t, exitFailed, "gone", "saved_model.pb is missing")
	cli(t, "predict", "--backbone", model, "--adapter", adapter, image).want(t, exitFailed, model, "backbone.json")
	for _, c := range []struct{ file, old, new, want string }{
		{"saved_model.pb", "serving_default", "serving_default", ""}, // nothing changed: it runs
		{"saved_model.pb", "resized_0_to_1", "resized_0_to_2", ""},   // predict does not use it
		{"saved_model.pb", "serving_default", "serving_defaulp", `signature "serving_default"`},
		{"assets.extra/classifier.json", `"version": 1`, `"version": 7`, "version 7"},
		{"assets.extra/classifier.json", `"classes": 3`, `"classes": 4`, "logits [1 3]"},
		{"assets.extra/classifier.json", `"classes": 3`, `"classes": 0`, "0 classes"},
		{"assets.extra/classifier.json", `"image_size": 8`, `"image_size": -8`, "image_size of -8"},
		{"assets.extra/classifier.json", `dtl-tf classifier`, `photographs`, `format is "photographs"`},
		{"assets.extra/classifier.json", `{`, `[`, "classifier.json: invalid"},
		{"variables/variables.index", "", "", "variables/variables.index: damaged"},
		{"variables/variables.data-00000-of-00001", "", "", "variables/variables.data-00000-of-00001: truncated"},
	} {
		broken := filepath.Join(t.TempDir(), "model")
		expect.NoError(t, os.CopyFS(broken, os.DirFS(model)))
		path := filepath.Join(broken, filepath.FromSlash(c.file))
		text := string(read(t, path))
		if c.old != "" && !strings.Contains(text, c.old) {
			t.Fatalf("%s holds no %q", c.file, c.old)
		}
		text = strings.Replace(text, c.old, c.new, 1)
		if c.old == "" {
			text = text[:len(text)/2]
		}
		write(t, path, []byte(text))
		o := cli(t, "predict", "--saved-model", broken, image)
		if c.want == "" {
			o.want(t, exitDone)
		} else {
			o.want(t, exitFailed, broken, c.want)
		}
		if strings.Count(o.err, "\n") > 1 {
			t.Errorf("more than one line: %s", o.err)
		}
	}
}

// TestServedClaimsTerabytes: a huge description, made as a sparse file, is rejected before memory is allocated.
func TestServedClaimsTerabytes(t *testing.T) {
	model := t.TempDir()
	expect.NoError(t, os.CopyFS(model, os.DirFS("../../saved_models/default")))
	description := filepath.Join(model, "assets.extra", "classifier.json")
	write(t, description, nil)
	expect.NoError(t, os.Truncate(description, 1<<42))
	cli(t, "predict", "--saved-model", model, fixture.data).want(t, exitFailed, model, "more than the limit")
}

// snapshotTree returns the names and contents of all files below a folder.
func snapshotTree(t *testing.T, dir string) string {
	t.Helper()
	var b strings.Builder
	expect.NoError(t, filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			b.WriteString(path + "\n" + string(read(t, path)))
		}
		return err
	}))
	return b.String()
}
