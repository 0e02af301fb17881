package weight

import (
	"math"
	"strings"
	"testing"

	"dtl-tf/graph/tensor"
)

// contains checks that err is an error whose text has all the parts.
func contains(t *testing.T, err error, parts ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, wanted one with %q", parts)
	}
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("error %q does not say %q", err, part)
		}
	}
}

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
	contains(t, err, "b.npz", "head/kernel", "[2 3]", "wanted [3 2]")
	_, err = f.Get("head/kernels")
	contains(t, err, "b.npz", "no tensor head/kernels", "nearest names are head/kernel")
	_, err = f.Get("blocks.0.attn.qkv.weight")
	contains(t, err, "b.npz", "blocks.0.attn.qkv.weight")
	if strings.Contains(err.Error(), "nearest") {
		t.Errorf("%v: nothing is near", err)
	}
	_, err = (&File{Path: "b.npz"}).Get("cls")
	contains(t, err, "the file holds none")
}

func TestCheckFinite(t *testing.T) {
	f := &File{Path: "w.safetensors", Tensors: tensor.Map{
		"a": tensor.Zeros(100), "b": tensor.Zeros(2, 3), "c": tensor.Zeros(4), "label": tensor.Must([]int64{1}, 1), "empty": tensor.Zeros(0, 3),
	}}
	if err := f.CheckFinite(t.Context()); err != nil {
		t.Error(err)
	}
	f.Tensors["c"].Float32()[0] = float32(math.Inf(-1))
	contains(t, f.CheckFinite(t.Context()), "w.safetensors", "tensor c", "infinite", "[0]")
	f.Tensors["b"].Float32()[4] = float32(math.NaN())
	for range 20 { // always the first by name, whichever goroutine is first
		contains(t, f.CheckFinite(t.Context()), "w.safetensors", "tensor b", "NaN", "[1 1]", "[2 3]")
	}
}
