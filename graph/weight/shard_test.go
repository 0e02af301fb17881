package weight

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"dtl-tf/graph/expect"
	"dtl-tf/graph/tensor"
)

// shards are the tensors of a model of three shards, by shard.
var shards = map[string]tensor.Map{
	"model-00001-of-00003.safetensors": {"a": tensor.Must([]float32{1, 2}, 2), "b": tensor.Must([]float32{3, 4, 5, 6}, 2, 2)},
	"model-00002-of-00003.safetensors": {"c": tensor.Must([]float32{7}, 1)},
	"model-00003-of-00003.safetensors": {"d": tensor.Must([]int64{8}, 1)},
}

func places() map[string]string {
	m := map[string]string{}
	for name, tensors := range shards {
		for _, t := range tensors.Names() {
			m[t] = name
		}
	}
	return m
}

func writeShard(t *testing.T, path string, m tensor.Map) {
	t.Helper()
	f, err := os.Create(path)
	expect.NoError(t, err)
	expect.NoError(t, WriteSafetensors(f, m, map[string]string{"format": "pt"}))
	expect.NoError(t, f.Close())
}

// writeIndex writes the index of shards as Hugging Face's libraries do, and returns its path.
func writeIndex(t *testing.T, folder string, places map[string]string) string {
	t.Helper()
	text, err := json.Marshal(map[string]any{"metadata": map[string]any{"total_size": 36}, "weight_map": places})
	expect.NoError(t, err)
	path := filepath.Join(folder, "model.safetensors.index.json")
	expect.NoError(t, os.WriteFile(path, text, 0o600))
	return path
}

func writeShards(t *testing.T, folder string) string {
	t.Helper()
	for name, m := range shards {
		writeShard(t, filepath.Join(folder, name), m)
	}
	return writeIndex(t, folder, places())
}

// TestShards checks that shards load as one file, also where they are links out of the folder, as a hub's cache has them.
func TestShards(t *testing.T) {
	folder, blobs := t.TempDir(), t.TempDir()
	path := writeShards(t, folder)
	for name := range shards {
		blob := filepath.Join(blobs, strings.ReplaceAll(name, ".", "_"))
		expect.NoError(t, os.Rename(filepath.Join(folder, name), blob))
		expect.NoError(t, os.Symlink(blob, filepath.Join(folder, name)))
	}
	f, err := Open(path)
	expect.NoError(t, err)
	outline, err := Outline(path)
	expect.NoError(t, err)
	want := tensor.Map{}
	for _, m := range shards {
		maps.Copy(want, m)
	}
	if fmt.Sprint(f.Tensors) != fmt.Sprint(want) || f.Path != path || f.Format != Safetensors || f.Metadata != nil {
		t.Errorf("read %+v, want the tensors %v", f, want)
	}
	if len(f.Parts) != 3 || f.Parts[1] != filepath.Join(folder, "model-00002-of-00003.safetensors") || !slices.Equal(f.Parts, outline.Parts) {
		t.Errorf("parts %v and %v", f.Parts, outline.Parts)
	}
	if outline.SHA256 != "" || outline.Bytes() != 4*7+8 || outline.Bytes() != f.Bytes() || !slices.Equal(outline.Tensors["b"].Shape, []int{2, 2}) {
		t.Errorf("the outline is %+v of %d bytes", outline, outline.Bytes())
	}
	sum := f.SHA256
	writeShard(t, filepath.Join(blobs, "model-00002-of-00003_safetensors"), tensor.Map{"c": tensor.Must([]float32{9}, 1)})
	again, err := Open(path)
	expect.NoError(t, err)
	if len(sum) != 64 || again.SHA256 == sum {
		t.Errorf("sha256 %s for other content than that of %s", again.SHA256, sum)
	}
}

// TestShardsRefused checks that every mistake in a set of shards is an error that names the index and the shard.
func TestShardsRefused(t *testing.T) {
	const first, second = "model-00001-of-00003.safetensors", "model-00002-of-00003.safetensors"
	index := func(change func(m map[string]string)) func(t *testing.T, folder string) {
		return func(t *testing.T, folder string) {
			m := places()
			change(m)
			writeIndex(t, folder, m)
		}
	}
	text := func(content string) func(t *testing.T, folder string) {
		return func(t *testing.T, folder string) {
			expect.NoError(t, os.WriteFile(filepath.Join(folder, "model.safetensors.index.json"), []byte(content), 0o600))
		}
	}
	shard := func(name string, m tensor.Map) func(t *testing.T, folder string) {
		return func(t *testing.T, folder string) { writeShard(t, filepath.Join(folder, name), m) }
	}
	for _, c := range []struct {
		name   string
		change func(t *testing.T, folder string)
		want   []string
	}{
		{"one missing", func(t *testing.T, folder string) { expect.NoError(t, os.Remove(filepath.Join(folder, second))) }, []string{"1 of the 3 shards", second, "download"}},
		{"all missing", func(t *testing.T, folder string) {
			for name := range shards {
				expect.NoError(t, os.Remove(filepath.Join(folder, name)))
			}
		}, []string{"3 of the 3 shards", first + ", " + second}},
		{"broken link", func(t *testing.T, folder string) {
			expect.NoError(t, os.Remove(filepath.Join(folder, second)))
			expect.NoError(t, os.Symlink("../../blobs/gone", filepath.Join(folder, second)))
		}, []string{"1 of the 3 shards", second}},
		{"parent folder", index(func(m map[string]string) { m["c"] = "../" + second }), []string{`"../` + second + `"`, "not in its folder"}},
		{"parent in between", index(func(m map[string]string) { m["c"] = "x/../" + second }), []string{"not in its folder"}},
		{"absolute", index(func(m map[string]string) { m["c"] = "/etc/passwd" }), []string{`"/etc/passwd"`, "not in its folder"}},
		{"another system's path", index(func(m map[string]string) { m["c"] = `..\x.safetensors` }), []string{"not in its folder"}},
		{"no name", index(func(m map[string]string) { m["c"] = "" }), []string{`""`, "not in its folder"}},
		{"a tensor missing", shard(first, tensor.Map{"a": tensor.Zeros(2)}), []string{"shard " + first + ` lacks the tensor "b"`}},
		{"a tensor too many", shard(second, tensor.Map{"c": tensor.Zeros(1), "extra": tensor.Zeros(1)}), []string{"shard " + second, `"extra"`, "does not list"}},
		{"a tensor twice", shard(second, tensor.Map{"c": tensor.Zeros(1), "a": tensor.Zeros(2)}), []string{`"a" is in shard ` + second, "it is in " + first, "twice"}},
		{"listed twice", text(`{"weight_map": {"a": "` + first + `", "a": "` + second + `"}}`), []string{`"a" is there twice`}},
		{"no map", text(`{"metadata": {}}`), []string{"no weight_map"}},
		{"an empty map", text(`{"weight_map": {}}`), []string{"no weight_map"}},
		{"a list", text(`[]`), []string{"cannot be read"}},
		{"cut", text(`{"weight_map": {"a": "`), []string{"cannot be read"}},
		{"a number", text(`{"weight_map": {"a": 1}}`), []string{`"a"`, "wanted a string"}},
		{"more behind", text(`{"weight_map": {"a": "` + first + `"}} {}`), []string{"follows its end"}},
		{"pickles", index(func(m map[string]string) { m["c"] = "pytorch_model-00002-of-00003.bin" }), []string{"Python pickles", "torch.load", "pytorch_model-*.bin"}},
		{"a shard of another format", func(t *testing.T, folder string) {
			f, err := os.Create(filepath.Join(folder, second))
			expect.NoError(t, err)
			expect.NoError(t, WriteNPZ(f, tensor.Map{"c": tensor.Zeros(1)}))
			expect.NoError(t, f.Close())
		}, []string{"shard " + second, ".npz"}},
		{"a page", func(t *testing.T, folder string) {
			expect.NoError(t, os.WriteFile(filepath.Join(folder, second), []byte("<!DOCTYPE html>\n<html>"), 0o600))
		}, []string{"shard " + second, "web page"}},
		{"a folder", func(t *testing.T, folder string) {
			expect.NoError(t, os.Remove(filepath.Join(folder, second)))
			expect.NoError(t, os.Mkdir(filepath.Join(folder, second), 0o700))
		}, []string{"shard " + second, "directory"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			folder := t.TempDir()
			path := writeShards(t, folder)
			c.change(t, folder)
			_, err := Open(path)
			expect.Error(t, err, append(c.want, path)...)
			_, err = Outline(path)
			expect.Error(t, err, append(c.want, path)...)
		})
	}
	missing := filepath.Join(t.TempDir(), "model.safetensors.index.json")
	_, err := Open(missing)
	expect.Error(t, err, missing, "does not exist")
}
