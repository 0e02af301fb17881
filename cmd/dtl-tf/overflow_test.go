package main

import (
	"maps"
	"math"
	"path/filepath"
	"testing"

	"dtl-tf/graph/expect"
	"dtl-tf/graph/tensor"
	"dtl-tf/graph/weight"
)

// TestOverflow: logits that overflow float32, though all weights are finite, are an error in every command.
func TestOverflow(t *testing.T) {
	good, err := weight.Open(filepath.Join(dtlRun(t), "adapter.safetensors"))
	expect.NoError(t, err)
	m := maps.Clone(good.Tensors)
	head := m["head.weight"].Clone()
	for i := range head.Float32() {
		head.Float32()[i] = math.MaxFloat32 * float32(1-2*(i%2))
	}
	m["head.weight"] = head
	m["head.bias"] = tensor.Must([]float32{0, math.MaxFloat32, 0}, 3)
	dir := t.TempDir()
	path, model := filepath.Join(dir, "adapter.safetensors"), filepath.Join(dir, "model")
	expect.NoError(t, writeSafetensors(path, m, good.Metadata))
	cli(t, "export", "--backbone", fixture.backbone, "--adapter", path, "--out", model).want(t, exitDone)
	for _, args := range [][]string{
		evalArgs(path), predictArgs(path), {"predict", "--saved-model", model, filepath.Join(fixture.data, "images")},
	} {
		cli(t, args...).want(t, exitFailed, ".png can't be classified", "its logit of class 0 is")
	}
}
