package vit

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"testing"

	"dtl-tf/graph/backbone"
	"dtl-tf/graph/tensor"
	"dtl-tf/graph/weight"
)

// TestResamplePositions compares with torch's bicubic interpolation with antialiasing, as in current timm
// (resample_abs_pos_embed). The expectations come from scripts/make_timm_logits.py.
func TestResamplePositions(t *testing.T) {
	f, err := weight.Open(filepath.Join("testdata", "position.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	for _, to := range []int{24, 7} {
		t.Run(fmt.Sprintf("14 to %d", to), func(t *testing.T) {
			got, want := resamplePositions(f.Tensors["from_14"], 14, to, ResampleTimm), f.Tensors[fmt.Sprintf("to_%d", to)]
			if !slices.Equal(got.Shape, want.Shape) {
				t.Fatalf("shape %v, want %v", got.Shape, want.Shape)
			}
			off := farthest(got.Float32(), want.Float32())
			t.Logf("off by %.1e", off)
			if !(off <= 5e-7) { // values reach 4 and are stored as float32
				t.Errorf("off by %.2g, want at most 5e-7", off)
			}
		})
	}
}

// TestResamplingRules compares each rule with its own library, to a grid that is a whole factor of the old one and to two that are not
// (scripts/make_vit_vectors.py).
func TestResamplingRules(t *testing.T) {
	f, err := weight.Open(filepath.Join("testdata", "family", "position.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	for name, rule := range map[string]Resampling{"timm": ResampleTimm, "hf": ResampleHF, "dinov2": ResampleDINOv2, "naflex": ResampleNaFlex, "torchvision": ResampleTorchvision} {
		for _, to := range []int{6, 7, 18} {
			got, want := resamplePositions(f.Tensors["from_9"], 9, to, rule), f.Tensors[fmt.Sprintf("%s_%d", name, to)]
			if off := farthest(got.Float32(), want.Float32()); !slices.Equal(got.Shape, want.Shape) || !(off <= 5e-6) { // torch computes weights and sums in float32
				t.Errorf("%s to %d: shape %v, off by %.2g", name, to, got.Shape, off)
			}
		}
	}
}

// TestLoadResamples checks that another image size changes only the position embeddings.
func TestLoadResamples(t *testing.T) {
	f, err := weight.Open(filepath.Join("testdata", "position.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	arch := Architecture{Image: 14 * 2, Patch: 2, Width: 3, Depth: 1, Heads: 1, MLP: 4, Eps: backbone.LayerNormEps}
	weights := random(t, arch).Weights
	weights[positions] = f.Tensors["from_14"]
	bb, err := backbone.Load(t.Context(), writeNPZ(t, weights), backbone.Options{Image: 24 * 2})
	if err != nil {
		t.Fatal(err)
	}
	if arch.Image = 48; bb.Architecture != arch {
		t.Errorf("architecture %+v, want %+v", bb.Architecture, arch)
	}
	if off := farthest(bb.Weights[positions].Float32(), f.Tensors["to_24"].Float32()); !(off <= 5e-7) {
		t.Errorf("positions are off by %.2g", off)
	}
	without := func(m tensor.Map) string {
		m = maps.Clone(m)
		delete(m, positions)
		return m.SHA256()
	}
	if without(bb.Weights) != without(weights) {
		t.Error("other weights changed")
	}
}
