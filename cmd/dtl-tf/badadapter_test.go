package main

import (
	"bytes"
	"maps"
	"math"
	"os"
	"path/filepath"
	"testing"

	"dtl-tf/graph/backbone"
	"dtl-tf/graph/expect"
	"dtl-tf/graph/tensor"
	"dtl-tf/graph/weight"
)

// TestAdapterRefused: eval, predict and fine-tune reject an adapter that is damaged, contradicts itself or belongs to something
// else, and name the file and what is wrong.
func TestAdapterRefused(t *testing.T) {
	run := dtlRun(t)
	good, err := weight.Open(filepath.Join(run, "adapter.safetensors"))
	expect.NoError(t, err)
	const a0 = "lora_dict.0.lora_A"
	nan := good.Tensors["head.bias"].Clone()
	nan.Float32()[1] = float32(math.NaN())
	for _, c := range []struct {
		name  string
		code  int
		flags []string
		// change alters a copy of a good adapter. A nil meta means a file of the official implementation.
		change func(m tensor.Map, meta map[string]string)
		want   []string
		// used marks errors of using the adapter, but not of starting training from it.
		used bool
	}{
		{"tensor missing", 1, nil, func(m tensor.Map, _ map[string]string) { delete(m, a0) }, []string{a0, "method"}, false},
		{"tensor too many", 1, nil, func(m tensor.Map, _ map[string]string) { m["lora_dict.2.lora_A"] = tensor.Zeros(2, 16) }, []string{"lora_dict.2.lora_A"}, false},
		{"no classifier", 1, nil, func(m tensor.Map, _ map[string]string) { delete(m, "head.weight") }, []string{"head.weight"}, false},
		{"other width", 1, nil, func(m tensor.Map, _ map[string]string) { m[a0] = tensor.Zeros(2, 17) }, []string{a0, "[2 17]", "[2 16]"}, false},
		{"whole numbers", 1, nil, func(m tensor.Map, _ map[string]string) { m[a0] = tensor.Must(make([]int32, 32), 2, 16) }, []string{a0, "float"}, false},
		{"NaN", 1, nil, func(m tensor.Map, _ map[string]string) { m["head.bias"] = nan }, []string{"head.bias", "NaN"}, false},
		{"another backbone", 1, nil, func(_ tensor.Map, meta map[string]string) { meta["backbone_weights_sha256"] = "0123456789abcdef" }, []string{"another backbone", "0123456789ab"}, false},
		{"unknown method", 1, nil, func(_ tensor.Map, meta map[string]string) { meta["method"] = "warp" }, []string{"warp", "dtl, dtl+"}, false},
		{"unknown pool", 1, nil, func(_ tensor.Map, meta map[string]string) { meta["pool"] = "max" }, []string{"max", "mean"}, false},
		{"impossible rank", 1, nil, func(_ tensor.Map, meta map[string]string) { meta["rank"] = "0" }, []string{"rank"}, false},
		{"another rank", 1, nil, func(_ tensor.Map, meta map[string]string) { meta["rank"] = "3" }, []string{a0, "[2 16]", "[3 16]"}, false},
		{"garbled beta", 1, nil, func(_ tensor.Map, meta map[string]string) { meta["beta"] = "steep" }, []string{"beta", "steep"}, false},
		{"garbled image size", 1, nil, func(_ tensor.Map, meta map[string]string) { meta["image_size"] = "wide" }, []string{"image_size", "wide"}, true},
		{"garbled mean", 1, nil, func(_ tensor.Map, meta map[string]string) { meta["mean"] = "[0.5]" }, []string{"mean", "want 3"}, true},
		{"garbled class names", 1, nil, func(_ tensor.Map, meta map[string]string) { meta["class_names"] = "red, green" }, []string{"class_names", "red, green"}, true},

		{"contradicting method", 2, []string{"--method", "dtl+"}, nil, []string{"--method dtl+", "dtl"}, false},
		{"contradicting pool", 2, []string{"--pool", "cls"}, nil, []string{"--pool cls", "mean"}, false},
		{"contradicting rank", 2, []string{"--rank", "4"}, nil, []string{"--rank 4", "2"}, false},
		{"contradicting beta", 2, []string{"--beta", "1"}, nil, []string{"--beta 1", "100"}, false},
		{"contradicting feedback", 2, []string{"--feedback-from", "0"}, nil, []string{"--feedback-from 0", "1"}, false},
		{"meaningless kernel", 2, []string{"--kernel", "3"}, nil, []string{"--kernel", "dtl"}, false},
		{"impossible rank of an official file", 2, []string{"--beta", "0"}, official, []string{"--beta 0"}, false},
		{"contradicting rank of an official file", 2, []string{"--rank", "4"}, official, []string{"--rank 4", "2"}, false},
		{"contradicting method of an official file", 2, []string{"--method", "dtl+"}, official, []string{"--method dtl+", "dtl"}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			path, out := filepath.Join(dir, "adapter.safetensors"), filepath.Join(dir, "run")
			m, meta := maps.Clone(good.Tensors), maps.Clone(good.Metadata)
			if c.change != nil {
				c.change(m, meta)
			}
			expect.NoError(t, writeSafetensors(path, m, meta))
			commands := [][]string{evalArgs(path, c.flags...), predictArgs(path, c.flags...)}
			if !c.used {
				commands = append(commands, tune(out, append(c.flags, "--init-adapter", path)...))
			}
			for _, args := range commands {
				cli(t, args...).want(t, c.code, append(c.want, path)...)
			}
			if _, err := os.Stat(out); err == nil {
				t.Error("an output folder is left")
			}
		})
	}
}

// official removes the metadata: files of the official implementation have only tensors.
func official(_ tensor.Map, meta map[string]string) { clear(meta) }

// TestAdapterFileRefused does the same for files that are not adapters.
func TestAdapterFileRefused(t *testing.T) {
	good := read(t, dtlRun(t), "adapter.safetensors")
	dir := t.TempDir()
	for _, c := range []struct {
		file    string
		content []byte
		want    string
	}{
		{"empty.safetensors", nil, "0 bytes"},
		{"cut.safetensors", good[:len(good)-4], "truncated"},
		{"lies.safetensors", bytes.Replace(good, []byte(`"data_offsets":[0,`), []byte(`"data_offsets":[8,`), 1), "offsets"},
		{"none.safetensors", header("{}      ", 0), "no tensors"},
		{"backbone.npz", read(t, fixture.backbone), "head.weight"},
		{"run.json", []byte(`{"format": 1, "status": "finished"}`), "safetensors"},
	} {
		path := write(t, filepath.Join(dir, c.file), c.content)
		cli(t, evalArgs(path)...).want(t, exitFailed, path, c.want)
		cli(t, predictArgs(path)...).want(t, exitFailed, path, c.want)
	}
	gone := filepath.Join(dir, "gone.safetensors")
	cli(t, evalArgs(gone)...).want(t, exitFailed, gone, "does not exist")
	cli(t, evalArgs(dir)...).want(t, exitFailed, dir, "no adapter.safetensors")
}

// TestAdapterElsewhere uses a good adapter with the wrong backbone or method.
func TestAdapterElsewhere(t *testing.T) {
	adapter := filepath.Join(dtlRun(t), "adapter.safetensors")
	arch, err := backbone.Parse(tiny)
	expect.NoError(t, err)
	other, err := backbone.Random(arch, 2)
	expect.NoError(t, err)
	path := filepath.Join(t.TempDir(), "other.npz")
	expect.NoError(t, writeNPZ(path, other.Weights))
	cli(t, append(evalArgs(adapter), "--backbone", path)...).want(t, exitFailed, adapter, path, "another backbone")
	cli(t, append(predictArgs(adapter), "--backbone", path)...).want(t, exitFailed, adapter, path, "another backbone")
	// Without --backbone it is the built-in one that does not fit, and run.json beside the adapter knows the right one.
	cli(t, "predict", "--adapter", adapter, testImages(t)[0]).want(t, exitFailed, adapter, "another backbone", "built-in default", "give --backbone "+fixture.backbone, "run.json")
	alone := write(t, filepath.Join(t.TempDir(), "alone.safetensors"), read(t, adapter))
	cli(t, "predict", "--adapter", alone, testImages(t)[0]).want(t, exitFailed, alone, "another backbone", "built-in default", "give the one that it was trained on with --backbone")

	four := newData(t, map[string]int{"train": 3, "test": 2})
	write(t, filepath.Join(four, "test.txt"), append(read(t, four, "test.txt"), "images/test_00.png 3\n"...))
	cli(t, evalOn(four, adapter)...).want(t, exitUsage, four, "4 classes", "3")
	cli(t, evalArgs(adapter, "--image-size", "16")...).want(t, exitUsage, adapter, "--image-size 16", "8")
	cli(t, evalArgs(adapter, "--mean", "0.4")...).want(t, exitUsage, adapter, "--mean", "0.4", "0.5")
	cli(t, evalArgs(adapter, "--std", "0.25")...).want(t, exitUsage, adapter, "--std", "0.25", "0.5")
}
