package weight

import (
	"math"
	"strings"
	"testing"

	"dtl-tf/graph/expect"
	"dtl-tf/graph/tensor"
)

func TestGet(t *testing.T) {
	f := &File{Path: "b.npz", Tensors: tensor.Map{
		"head/kernel": tensor.Zeros(2, 3), "head/bias": tensor.Zeros(3), "cls": tensor.Zeros(1, 1, 2),
	}}
	if got, err := f.Get("head/kernel", 2, 3); err != nil || len(got.Float32()) != 6 {
		t.Errorf("found %v, %v", got, err)
	}
	if _, err := f.Get("head/kernel"); err != nil {
		t.Errorf("without a shape: %v", err)
	}
	_, err := f.Get("head/kernel", 3, 2)
	expect.Error(t, err, "b.npz", "head/kernel", "[2 3]", "wanted [3 2]")
	_, err = f.Get("head/kernels")
	expect.Error(t, err, "b.npz", "no tensor head/kernels", "nearest names are head/kernel")
	_, err = f.Get("blocks.0.attn.qkv.weight")
	expect.Error(t, err, "b.npz", "blocks.0.attn.qkv.weight")
	if strings.Contains(err.Error(), "nearest") {
		t.Errorf("%v: nothing is near", err)
	}
	_, err = (&File{Path: "b.npz"}).Get("cls")
	expect.Error(t, err, "the file holds none")
}

func TestCheckFinite(t *testing.T) {
	f := &File{Path: "w.safetensors", Tensors: tensor.Map{
		"a": tensor.Zeros(100), "b": tensor.Zeros(2, 3), "c": tensor.Zeros(4), "label": tensor.Must([]int64{1}, 1), "empty": tensor.Zeros(0, 3),
	}}
	if err := f.CheckFinite(t.Context()); err != nil {
		t.Error(err)
	}
	f.Tensors["c"].Float32()[0] = float32(math.Inf(-1))
	expect.Error(t, f.CheckFinite(t.Context()), "w.safetensors", "tensor c", "infinite", "[0]")
	f.Tensors["b"].Float32()[4] = float32(math.NaN())
	for range 20 { // always the first by name, whichever goroutine is first
		expect.Error(t, f.CheckFinite(t.Context()), "w.safetensors", "tensor b", "NaN", "[1 1]", "[2 3]")
	}
}
