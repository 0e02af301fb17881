package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"

	"dtl-tf/graph"
	"dtl-tf/graph/backbone"
	"dtl-tf/graph/expect"
	"dtl-tf/graph/need"
	"dtl-tf/runner"
	"dtl-tf/runner/result"
)

// checkONNX is the script that compares ONNX models with predictions.
var checkONNX = filepath.Join("..", "..", "scripts", "check_onnx.py")

// onnxOf exports a run to ONNX. It returns the file, and one with the lines of predict for the same images.
func onnxOf(t *testing.T, backbone, run string, more ...string) (model, lines string) {
	t.Helper()
	if _, err := os.Stat(filepath.Join(run, "backbone.npz")); err == nil {
		backbone = filepath.Join(run, "backbone.npz")
	}
	dir := t.TempDir()
	model = filepath.Join(dir, "model.onnx")
	with := []string{"--backbone", backbone, "--adapter", run}
	o := cli(t, append(append([]string{"export", "--format", "onnx", "--out", model}, with...), more...)...)
	o.want(t, exitDone)
	if !strings.Contains(o.out, model) || !strings.Contains(o.out, "-> logits, probabilities [batch, 3]") {
		t.Errorf("export prints\n%s", o.out)
	}
	with[3] = filepath.Join(run, result.AdapterFile)
	o = cli(t, append(append([]string{"predict", "--json"}, with...), testImages(t)...)...)
	o.want(t, exitDone)
	return model, write(t, filepath.Join(dir, "predictions.jsonl"), []byte(o.out))
}

// TestExportONNXInPython: ONNX's checker accepts exported models, and ONNX Runtime gives the logits of predict.
func TestExportONNXInPython(t *testing.T) {
	need.Python(t, "onnx", "onnxruntime", "PIL")
	args := []string{checkONNX}
	add := func(more []string, flags ...string) {
		model, lines := onnxOf(t, fixture.backbone, trained(t, append(flags, "--epochs", "1")...), more...)
		args = append(args, model, lines)
	}
	add(nil, "--method", "dtl+")
	add([]string{"--input", "float", "--external-data"}, "--method", "full")
	add([]string{"--external-data"}, "--test-resize", "13", "--pool", "cls", "--mean", "0.485,0.456,0.406")
	dir := t.TempDir()
	model := filepath.Join(dir, "tasks.onnx")
	with := []string{"--backbone", fixture.backbone, "--adapter", tasksRun(t)}
	cli(t, append([]string{"export", "--format", "onnx", "--out", model}, with...)...).want(t, exitDone)
	o := cli(t, append(append([]string{"predict", "--json"}, with...), testImages(t)...)...)
	python(t, append(args, model, write(t, filepath.Join(dir, "lines"), []byte(o.out))), 4, "logits within")
}

// onnxFamilies are tiny backbones of every family and form, with the size of the images in training.
var onnxFamilies = []struct{ name, description, size string }{
	{"ViT", tiny, "8"},
	{"ViT at another size", tiny, "20"},
	{"Swin", tinySwin, "16"},
	{"Swin at another size", tinySwin, "32"},
	{"DINOv2", "vit:image=28,patch=14,width=16,depth=2,heads=2,mlp=32,layer-scale=yes", "42"},
	{"DINOv2 with registers", "vit:image=28,patch=14,width=16,depth=2,heads=2,mlp=32,layer-scale=yes,registers=4,positions=patches,swiglu=yes", "28"},
	{"DINOv3", "vit:image=16,patch=8,width=16,depth=2,heads=2,mlp=32,layer-scale=yes,registers=4,positions=none,rotary=dinov3,qkv-bias=none,normed-mean=yes", "24"},
	{"CLIP", "vit:image=8,patch=4,width=16,depth=2,heads=2,mlp=32,pre-norm=yes,patch-bias=no,activation=quick_gelu", "12"},
	{"SigLIP", "vit:image=8,patch=4,width=16,depth=2,heads=2,mlp=32,class-token=no,attention-pool=yes,normed-mean=yes,activation=gelu_tanh", "8"},
	{"EVA-02", "vit:image=28,patch=14,width=16,depth=2,heads=2,mlp=32,rotary=eva02,qkv-bias=qv,swiglu=yes,inner-norm=yes", "42"},
	{"DeiT distilled", "vit:image=8,patch=4,width=16,depth=2,heads=2,mlp=32,distillation-token=yes", "12"},
}

// TestExportONNXOfAll does the same for every method on every family.
func TestExportONNXOfAll(t *testing.T) {
	need.Heavy(t, "trains every method on every family")
	need.Python(t, "onnx", "onnxruntime", "PIL")
	for _, f := range onnxFamilies {
		t.Run(f.name, func(t *testing.T) {
			arch, err := backbone.Parse(f.description)
			expect.NoError(t, err)
			bb, err := backbone.Random(arch, 1)
			expect.NoError(t, err)
			file := filepath.Join(t.TempDir(), "backbone")
			expect.NoError(t, bb.Export(file, "", graph.FP32))
			args := []string{checkONNX}
			for _, method := range strings.Split(runner.MethodNames(), ", ") {
				out := filepath.Join(t.TempDir(), "run")
				o := cli(t, tune(out, "--backbone", file, "--image-size", f.size, "--method", method, "--epochs", "1", "--lr", "0.1")...)
				if o.code == exitUsage && strings.Contains(o.err, "method "+method) { // the method can't adapt this backbone
					t.Logf("%s", o.err)
					continue
				}
				o.want(t, exitDone)
				model, lines := onnxOf(t, file, out)
				args = append(args, model, lines)
			}
			python(t, args, len(args)/2, "logits within")
		})
	}
}

// TestExportONNXOfRealWeights: the logits of pre-trained backbones on photographs agree, at the size of their training and at another.
func TestExportONNXOfRealWeights(t *testing.T) {
	need.Heavy(t, "trains on pre-trained backbones")
	need.Python(t, "onnx", "onnxruntime", "PIL")
	args := []string{checkONNX}
	for _, name := range []string{"vit_tiny_patch16_224.npz", "deit_tiny_patch16_224.safetensors"} {
		file := need.Shared(t, "backbones", name)
		for _, size := range []string{"224", "160"} {
			out := filepath.Join(t.TempDir(), "run")
			cli(t, tune(out, "--backbone", file, "--image-size", size, "--epochs", "1", "--method", "dtl+")...).want(t, exitDone)
			model, lines := onnxOf(t, file, out)
			args = append(args, model, lines)
		}
	}
	python(t, args, 4, "logits within")
}

// metadataOf reads the metadata of an ONNX model (field 14 of a ModelProto).
func metadataOf(t *testing.T, path string) map[string]string {
	t.Helper()
	fields := func(raw []byte, do func(field protowire.Number, v []byte)) {
		for len(raw) > 0 {
			number, kind, n := protowire.ConsumeTag(raw)
			size := protowire.ConsumeFieldValue(number, kind, raw[max(0, n):])
			if n < 0 || size < 0 {
				t.Fatalf("%s is no protocol buffer", path)
			}
			if v, _ := protowire.ConsumeBytes(raw[n:]); kind == protowire.BytesType {
				do(number, v)
			}
			raw = raw[n+size:]
		}
	}
	metadata := map[string]string{}
	fields(read(t, path), func(field protowire.Number, v []byte) {
		if field == 14 {
			entry := map[protowire.Number]string{}
			fields(v, func(field protowire.Number, v []byte) { entry[field] = string(v) })
			metadata[entry[1]] = entry[2]
		}
	})
	return metadata
}

// TestExportONNX: the file describes itself, two exports are equal, and nothing is replaced without a flag.
func TestExportONNX(t *testing.T) {
	run := trained(t, "--epochs", "1", "--precision", "bf16", "--test-resize", "13", "--data", folders(t, t.TempDir(), "train", 4, spices), "--batch", "6")
	model := filepath.Join(t.TempDir(), "model.onnx")
	args := func(more ...string) []string {
		return append([]string{"export", "--format", "onnx", "--backbone", fixture.backbone, "--adapter", run, "--out", model}, more...)
	}
	o := cli(t, args()...)
	o.want(t, exitDone, "was trained in bf16: the ONNX model computes in fp32")
	if want := "images uint8 [batch, 8, 8, 3] -> logits, probabilities [batch, 3]"; !strings.Contains(o.out, want) {
		t.Errorf("export prints no %q:\n%s", want, o.out)
	}
	m := metadataOf(t, model)
	for key, want := range map[string]string{
		"format": "dtl-tf classifier", "method": "dtl", "class_names": `["amber","basil","cobalt"]`, "classes": "3", "image_size": "8", "test_resize": "13",
		"precision": "fp32", "input": "uint8", "mean": "[0.5,0.5,0.5]", "std": "[0.5,0.5,0.5]",
	} {
		if m[key] != want {
			t.Errorf("metadata %s is %q, want %q", key, m[key], want)
		}
	}
	if !strings.HasPrefix(m["program"], "dtl-tf ") || !json.Valid([]byte(m["options"])) || !strings.Contains(m["backbone"], `"sha256"`) {
		t.Errorf("metadata %v", m)
	}
	before := read(t, model)
	cli(t, args()...).want(t, exitFailed, model, "exists already: add --overwrite")
	cli(t, args("--overwrite")...).want(t, exitDone)
	if !reflect.DeepEqual(read(t, model), before) {
		t.Error("the same export gives another file")
	}

	// With a second file, and back.
	data := model + ".data"
	o = cli(t, args("--overwrite", "--external-data", "--input", "float")...)
	o.want(t, exitDone)
	if want := "images float [batch, 8, 8, 3] in 0..1"; !strings.Contains(o.out, data) || !strings.Contains(o.out, want) {
		t.Errorf("export prints no %q:\n%s", want, o.out)
	}
	inside, outside := size(t, model), size(t, data)
	if whole := int64(len(before)); inside >= whole || outside < whole/2 {
		t.Errorf("%d and %d bytes, %d in one file", inside, outside, whole)
	}
	if got := metadataOf(t, model)["input"]; got != "float" {
		t.Errorf("the input is %q", got)
	}
	weights := read(t, data)
	cli(t, args("--overwrite", "--external-data")...).want(t, exitDone)
	if !reflect.DeepEqual(read(t, data), weights) {
		t.Error("the same export gives other weights")
	}
	cli(t, args("--overwrite")...).want(t, exitDone, data, "the new one does not need it")
	if !reflect.DeepEqual(read(t, model), before) {
		t.Error("the export in one file differs")
	}
	expect.NoError(t, os.Remove(model))
	cli(t, args("--external-data")...).want(t, exitFailed, data, "exists already")
	if _, err := os.Stat(model); err == nil {
		t.Error("a refused export left a file")
	}
	entries, err := os.ReadDir(filepath.Dir(model))
	expect.NoError(t, err)
	if len(entries) != 1 {
		t.Errorf("left behind: %v", entries)
	}
}

func TestExportONNXOfTasks(t *testing.T) {
	model := filepath.Join(t.TempDir(), "model.onnx")
	args := []string{"export", "--format", "onnx", "--backbone", fixture.backbone, "--out", model}
	o := cli(t, append(args, "--adapter", tasksRun(t))...)
	o.want(t, exitDone)
	for _, want := range []string{"4 tasks: 5 blocks run for an image instead of 8", "TASK_logits, TASK_probabilities of all tasks", "lora   [batch, 3] (lora)"} {
		if !strings.Contains(o.out, want) {
			t.Errorf("export prints no %q:\n%s", want, o.out)
		}
	}
	var tasks []struct{ Name, Method string }
	decode(t, []byte(metadataOf(t, model)["tasks"]), &tasks)
	if len(tasks) != 4 || tasks[3].Name != "plus" || tasks[3].Method != "dtl+" {
		t.Errorf("the metadata have the tasks %v", tasks)
	}
	file := filepath.Join(dtlRun(t), result.AdapterFile)
	cli(t, append(args, "--overwrite", "--adapter", "a b="+file, "--adapter", "c="+file)...).want(t, exitUsage, `"a b"`, "can't be part of an output's")
}

func TestExportONNXRefused(t *testing.T) {
	file := filepath.Join(dtlRun(t), result.AdapterFile)
	dir := t.TempDir()
	args := func(more ...string) []string {
		return append([]string{"export", "--backbone", fixture.backbone, "--adapter", file, "--format", "onnx"}, more...)
	}
	out := filepath.Join(dir, "model.onnx")
	cli(t, args("--out", out, "--format", "onx")...).want(t, exitUsage, `--format "onx" is unknown: use one of savedmodel, onnx: did you mean onnx?`)
	cli(t, args("--out", out, "--input", "floats")...).want(t, exitUsage, `--input "floats" is unknown`, "did you mean float?")
	cli(t, args("--out", filepath.Join(dir, "model"))...).want(t, exitUsage, "--out", "an ONNX model is a file", ".onnx")
	cli(t, args("--out", out, "--format", "savedmodel", "--input", "float")...).want(t, exitUsage, "--input is for --format onnx")
	cli(t, args("--out", out, "--format", "savedmodel", "--external-data")...).want(t, exitUsage, "--external-data is for --format onnx")
	cli(t, args()...).want(t, exitUsage, "--adapter and --out are required")
	cli(t, "export", "--format", "onnx", "--out", out).want(t, exitUsage, "--adapter and --out are required")
	cli(t, args("--out", filepath.Join(dir, "missing", "model.onnx"))...).want(t, exitFailed, "missing", "the folder does not exist")
	if entries, err := os.ReadDir(dir); err != nil || len(entries) > 0 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
}

// TestExportONNXTooLarge: if the disk takes no more, the old files stay.
func TestExportONNXTooLarge(t *testing.T) {
	model := filepath.Join(t.TempDir(), "model.onnx")
	args := []string{"export", "--format", "onnx", "--backbone", fixture.backbone, "--adapter", dtlRun(t), "--out", model, "--overwrite"}
	launch(t, "5000", args...).end().want(t, exitFailed, model+" was not written", "file too large")
	cli(t, append(args, "--external-data")...).want(t, exitDone)
	before := snapshotTree(t, filepath.Dir(model))
	for _, more := range [][]string{{"--external-data"}, nil} {
		launch(t, "5000", append(args, more...)...).end().want(t, exitFailed, "was not written", "file too large")
		if snapshotTree(t, filepath.Dir(model)) != before {
			t.Errorf("%v changed the old files", more)
		}
	}
}

// TestExportONNXKilled kills an export that replaces a model of two files at every point. The file of one model never stands beside the
// weights of another, and the next call puts the old model back, or finds the new one, before it refuses to replace it.
func TestExportONNXKilled(t *testing.T) {
	need.Heavy(t, "kills a process at each change on the disk")
	model := filepath.Join(t.TempDir(), "model.onnx")
	export := func(more ...string) []string {
		return append([]string{"export", "--format", "onnx", "--backbone", fixture.backbone, "--out", model, "--external-data"}, more...)
	}
	const replace = "--overwrite"
	before := export(replace, "--adapter", trained(t, "--method", "full", "--epochs", "1"))
	before[4] = filepath.Join(before[len(before)-1], "backbone.npz")
	after := export(replace, "--adapter", dtlRun(t))
	pair := func() [2]string {
		var texts [2]string
		for i, path := range []string{model, model + ".data"} {
			raw, _ := os.ReadFile(path)
			texts[i] = string(raw)
		}
		return texts
	}
	cli(t, before...).want(t, exitDone)
	old := pair()
	o := launch(t, namesPoints, after...).end()
	o.want(t, exitDone)
	fresh, points := pair(), strings.Count(o.err, pointMark)
	if points < 8 || fresh[0] == old[0] || fresh[1] == old[1] {
		t.Fatalf("%d points: %s", points, o.err)
	}
	for n := 1; n <= points; n++ {
		cli(t, before...).want(t, exitDone)
		if p := launch(t, diesAt+strconv.Itoa(n), after...); !p.killed() {
			t.Fatalf("it is alive: %s", p.end().err)
		}
		if left := pair(); left != old && left != fresh && left[0] != "" && left[1] != "" {
			t.Errorf("killed at point %d: files of two models", n)
		}
		cli(t, export("--adapter", dtlRun(t))...).want(t, exitFailed, model, "exists already")
		if left := pair(); left != old && left != fresh {
			t.Errorf("killed at point %d: no model is left", n)
		}
		cli(t, after...).want(t, exitDone)
		if pair() != fresh {
			t.Errorf("after a kill at point %d the next call made something else", n)
		}
	}
}
