package vit

import (
	"encoding/json"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dtl-tf/graph"
	"dtl-tf/graph/backbone"
	"dtl-tf/graph/expect"
	"dtl-tf/graph/tensor"
	"dtl-tf/graph/weight"
)

func writeTo(t testing.TB, path string, content func(w io.Writer) error) {
	t.Helper()
	expect.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
	f, err := os.Create(path)
	expect.NoError(t, err)
	expect.NoError(t, content(f))
	expect.NoError(t, f.Close())
}

// writeShards writes the tensors of m to shards, one tensor after the other in turn, and their index, whose path it returns.
func writeShards(t testing.TB, folder string, m tensor.Map) string {
	t.Helper()
	names := []string{"model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"}
	parts, places := []tensor.Map{{}, {}}, map[string]string{}
	for i, name := range m.Names() {
		parts[i%2][name], places[name] = m[name], names[i%2]
	}
	for i, part := range parts {
		writeTo(t, filepath.Join(folder, names[i]), func(w io.Writer) error { return weight.WriteSafetensors(w, part, nil) })
	}
	index := filepath.Join(folder, "model.safetensors.index.json")
	writeTo(t, index, func(w io.Writer) error {
		return json.NewEncoder(w).Encode(map[string]any{"metadata": map[string]any{}, "weight_map": places})
	})
	return index
}

// linkFromHub replaces the files of a folder by links into a folder of blobs, as huggingface_hub stores a model in its cache.
func linkFromHub(t *testing.T, folder string) {
	t.Helper()
	blobs := filepath.Join(folder, "..", "..", "blobs")
	expect.NoError(t, os.MkdirAll(blobs, 0o700))
	entries, err := os.ReadDir(folder)
	expect.NoError(t, err)
	for i, e := range entries {
		blob := strings.Repeat("0123456789abcdef"[i:i+1], 64)
		expect.NoError(t, os.Rename(filepath.Join(folder, e.Name()), filepath.Join(blobs, blob)))
		expect.NoError(t, os.Symlink(filepath.Join("..", "..", "blobs", blob), filepath.Join(folder, e.Name())))
	}
}

// TestFolders checks that a backbone loads from a folder as model hubs leave it, and that the files beside the weights are used.
func TestFolders(t *testing.T) {
	plain, err := backbone.Load(t.Context(), writeSafetensors(t, timmNames()), backbone.Options{Heads: 3})
	expect.NoError(t, err)
	single := func(name string) func(t *testing.T, folder string) string {
		return func(t *testing.T, folder string) string {
			path := filepath.Join(folder, name)
			writeTo(t, path, func(w io.Writer) error { return weight.WriteSafetensors(w, timmNames(), nil) })
			return path
		}
	}
	for _, c := range []struct {
		name   string
		make   func(t *testing.T, folder string) string // returns the path of the weights
		others []string                                 // further weight files in the folder
	}{
		{"one file", single("model.safetensors"), nil},
		{"a file of another name", single("DeiT.safetensors"), nil},
		{"a file in another case", single("vit.SafeTensors"), nil},
		{"beside pickles", single("model.safetensors"), []string{"pytorch_model.bin"}},
		{"shards", func(t *testing.T, folder string) string { return writeShards(t, folder, timmNames()) }, nil},
		{"shards beside pickles", func(t *testing.T, folder string) string { return writeShards(t, folder, timmNames()) }, []string{"pytorch_model.bin", "pytorch_model.bin.index.json"}},
	} {
		for _, linked := range []bool{false, true} {
			t.Run(c.name+map[bool]string{true: ", linked"}[linked], func(t *testing.T) {
				folder := filepath.Join(t.TempDir(), "snapshots", "0123abc")
				path := c.make(t, folder)
				writeBeside(t, path, map[string]string{"config.json": timmConfig})
				for _, name := range c.others {
					writeBeside(t, path, map[string]string{name: "\x80\x02}q\x00."})
				}
				if linked {
					linkFromHub(t, folder)
				}
				for _, given := range []string{folder, folder + "/", path} {
					bb, err := backbone.Load(t.Context(), given, backbone.Options{})
					if err != nil {
						t.Errorf("%s: %v", given, err)
						continue
					}
					if bb.Fingerprint() != plain.Fingerprint() || bb.Heads() != 3 || bb.Sources.Mean != "config.json" || bb.Path != path || bb.Format != "safetensors" {
						t.Errorf("%s: read %+v of %s (%s) from %+v", given, bb.Description, bb.Path, bb.Format, bb.Sources)
					}
				}
			})
		}
	}
}

// TestFolderOfNPZ checks that a folder with one .npz file loads, and that a SavedModel's folder still is one.
func TestFolderOfNPZ(t *testing.T) {
	bb := random(t, tiny)
	path := writeNPZ(t, bb.Weights)
	read, err := backbone.Load(t.Context(), filepath.Dir(path), backbone.Options{})
	expect.NoError(t, err)
	if read.Fingerprint() != bb.Fingerprint() || read.Path != path {
		t.Errorf("read %s", read.Path)
	}
	model := filepath.Join(t.TempDir(), "model")
	expect.NoError(t, bb.Export(model, "", graph.FP32))
	writeBeside(t, filepath.Join(model, "x"), map[string]string{"model.safetensors": "no weights"})
	read, err = backbone.Load(t.Context(), model, backbone.Options{})
	expect.NoError(t, err)
	if read.Format != "savedmodel" {
		t.Errorf("read a %s", read.Format)
	}
}

// TestSidecarOfShards checks that the sidecar of shards is named after their model, and that shards are not taken for several models.
func TestSidecarOfShards(t *testing.T) {
	path := writeShards(t, t.TempDir(), timmNames())
	writeBeside(t, path, map[string]string{"model.json": `{"heads": 2, "mean": [0.1, 0.1, 0.1]}`})
	bb, err := backbone.Load(t.Context(), path, backbone.Options{})
	expect.NoError(t, err)
	if bb.Heads() != 2 || bb.Sources.Mean != "model.json" {
		t.Errorf("%d heads, mean from %s", bb.Heads(), bb.Sources.Mean)
	}
	writeBeside(t, path, map[string]string{"config.json": strings.Replace(timmConfig, `"num_features": 6`, `"num_features": 12`, 1)})
	_, err = backbone.Load(t.Context(), path, backbone.Options{})
	expect.Error(t, err, "config.json contradicts", "num_features is 12 there, the tensors have 6")
}

// TestFoldersRefused checks that a folder without a backbone, and a part of a model, are refused with what to do.
func TestFoldersRefused(t *testing.T) {
	const pickle = "\x80\x02}q\x00."
	for _, c := range []struct {
		what, path string // path: within the folder
		files      map[string]string
		want       []string
	}{
		{"empty", ".", nil, []string{"neither weights nor a SavedModel", "model.safetensors", "saved_model.pb"}},
		{"config only", ".", map[string]string{"config.json": "{}"}, []string{"a folder with a config.json and without weights", "download model.safetensors"}},
		{"two files", ".", map[string]string{"a.safetensors": "", "b.npz": ""}, []string{"2 weight files", "/a.safetensors, ", "/b.npz"}},
		{"pickle", ".", map[string]string{"config.json": "{}", "pytorch_model.bin": pickle}, []string{"pytorch_model.bin", "Python pickle", "torch.load", "save_file"}},
		{"pickles", ".", map[string]string{"pytorch_model.bin.index.json": `{"weight_map": {"a": "pytorch_model-00001-of-00002.bin"}}`, "pytorch_model-00001-of-00002.bin": pickle}, []string{"Python pickles", "torch.load"}},
		{"Flax", ".", map[string]string{"flax_model.msgpack": "\x81\xa6params\x80"}, []string{"flax_model.msgpack", "Flax"}},
		{"shards without index", ".", map[string]string{"model-00001-of-00002.safetensors": ""}, []string{"one of 2 shards", "model.safetensors.index.json is missing"}},
		{"a shard", "model-00001-of-00002.safetensors", map[string]string{"model-00001-of-00002.safetensors": "", "model.safetensors.index.json": "{}"}, []string{"one of 2 shards", "name their index", "model.safetensors.index.json"}},
		{"a shard without index", "model-00001-of-00012.safetensors", map[string]string{"model-00001-of-00012.safetensors": ""}, []string{"one of 12 shards", "is missing: download it"}},
		{"a hub's cache", ".", map[string]string{"snapshots/0123abc/model.safetensors": "", "refs/main": "0123abc"}, []string{"in a hub's cache", "/snapshots/0123abc"}},
		{"a config", "config.json", map[string]string{"config.json": "{}"}, []string{"JSON", "the folder"}},
	} {
		t.Run(c.what, func(t *testing.T) {
			folder := t.TempDir()
			for name, content := range c.files {
				writeTo(t, filepath.Join(folder, name), func(w io.Writer) error { _, err := io.WriteString(w, content); return err })
			}
			_, err := backbone.Load(t.Context(), filepath.Join(folder, c.path), backbone.Options{})
			expect.Error(t, err, append(c.want, folder)...)
		})
	}
	gone := filepath.Join(t.TempDir(), "model.safetensors")
	expect.NoError(t, os.Symlink("../../blobs/gone", gone))
	_, err := backbone.Load(t.Context(), gone, backbone.Options{})
	expect.Error(t, err, gone, "a link to ../../blobs/gone, which does not exist")
}

// TestShardLacks checks that a family's errors about a sharded model name the index.
func TestShardLacks(t *testing.T) {
	m := timmNames()
	delete(m, "norm.bias")
	path := writeShards(t, t.TempDir(), m)
	_, err := backbone.Load(t.Context(), path, backbone.Options{Heads: 2})
	expect.Error(t, err, path, "norm.bias")
}

// TestNaNWithoutEffect checks that NaN in a tensor that does not affect the features is no error, and that elsewhere it is one.
func TestNaNWithoutEffect(t *testing.T) {
	m := timmNames()
	m["mask_token"] = tensor.Must([]float32{float32(math.NaN())}, 1, 1, 1)
	_, err := backbone.Load(t.Context(), writeSafetensors(t, m), backbone.Options{Heads: 2})
	expect.NoError(t, err)
	m["norm.bias"].Float32()[2] = float32(math.NaN())
	_, err = backbone.Load(t.Context(), writeSafetensors(t, m), backbone.Options{Heads: 2})
	expect.Error(t, err, "tensor norm.bias is NaN at index [2]")
}
