package vit

import (
	"math"
	"path/filepath"
	"testing"

	"dtl-tf/graph"
	"dtl-tf/graph/backbone"
	"dtl-tf/graph/expect"
	"dtl-tf/graph/need"
	"dtl-tf/graph/tensor"
	"dtl-tf/graph/weight"
)

// formulaImages is the two images [2, S, S, 3] that scripts/make_timm_logits.py computes by the same formula.
func formulaImages(side int) tensor.Tensor {
	var pixels []uint8
	for i := range 2 {
		for y := range side {
			for x := range side {
				for c := range 3 {
					v := x*(3+c)*(1-i) + y*(1+2*c) + x*y/(16<<i) + 40*c
					pixels = append(pixels, uint8(v%256))
				}
			}
		}
	}
	return tensor.Must(pixels, 2, side, side, 3)
}

// TestLogitsOfTimm compares two public ViT-Ti/16 with their own heads to timm, which computed in float64. It covers the file
// formats, the input normalisation and the whole forward pass.
func TestLogitsOfTimm(t *testing.T) {
	want, err := weight.Open(filepath.Join("testdata", "logits.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	imagenetMean, imagenetStd := [3]float64{0.485, 0.456, 0.406}, [3]float64{0.229, 0.224, 0.225}
	for name, options := range map[string]backbone.Options{
		"vit_tiny_patch16_224.npz":          {},
		"deit_tiny_patch16_224.safetensors": {Mean: &imagenetMean, Std: &imagenetStd},
	} {
		t.Run(name, func(t *testing.T) {
			bb, err := backbone.Load(t.Context(), need.Shared(t, "backbones", name), options)
			if err != nil {
				t.Fatal(err)
			}
			arch := named["vit_ti16"].(Architecture)
			if arch.Labels = 1000; bb.Architecture != arch {
				t.Errorf("architecture %+v, want %+v", bb.Architecture, arch)
			}
			logits := runImages(t, bb, formulaImages(bb.ImageSize()), func(b *graph.Builder, f *backbone.Forward, x graph.Value) []graph.Value {
				return []graph.Value{bb.OwnHead(f, b, f.Features(b, x, backbone.PoolClass))}
			})[0]
			off := farthest(logits.Float32(), want.Tensors[name].Float32())
			t.Logf("off by %.1e", off)
			if !(off <= 1e-3) {
				t.Errorf("logits are off by %.2g, want at most 1e-3", off)
			}
		})
	}
}

// TestPools recomputes in float64 both poolings of the last block's tokens and the head with a tanh layer.
func TestPools(t *testing.T) {
	arch := tiny
	arch.Hidden, arch.Labels = 4, 3
	bb := random(t, tiny)
	bb.Architecture = arch
	for i, s := range arch.Specs() { // Random has no head and initialises LayerNorm to the identity
		_, ok := bb.Weights[s.Name]
		if !ok || s.Name == finalScale || s.Name == finalBias {
			v := tensor.Zeros(s.Shape...)
			for j := range v.Float32() {
				v.Float32()[j] = float32(math.Sin(float64(7*i + 3*j)))
			}
			bb.Weights[s.Name] = v
		}
	}
	var last graph.Value
	found := runImages(t, bb, formulaImages(arch.Image), func(b *graph.Builder, f *backbone.Forward, x graph.Value) []graph.Value {
		f.Hook = func(_ *graph.Builder, at backbone.Tap, _, out graph.Value) graph.Value {
			if at.Point == backbone.BlockOutput && at.Block.Index == arch.Depth-1 {
				last = out
			}
			return out
		}
		mean := f.Features(b.In("mean"), x, backbone.PoolMean)
		class := f.Features(b.In("cls"), x, backbone.PoolClass)
		return []graph.Value{last, mean, class, arch.OwnHead(f, b, class)}
	})
	tokens, d, n := found[0].Float32(), arch.Width, arch.Tokens()
	for i := range 2 {
		sample := tokens[i*n*d:][:n*d]
		mean := make([]float64, d)
		class := make([]float64, d)
		for c := range d {
			class[c] = float64(sample[c])
			for token := 1; token < n; token++ {
				mean[c] += float64(sample[token*d+c]) / float64(n-1)
			}
		}
		near(t, "mean pool", found[1].Float32()[i*d:][:d], normalised(bb, mean))
		class = normalised(bb, class)
		near(t, "cls pool", found[2].Float32()[i*d:][:d], class)
		hidden := affine(bb, "pre_logits", class)
		for j := range hidden {
			hidden[j] = math.Tanh(hidden[j])
		}
		near(t, "own head", found[3].Float32()[i*arch.Labels:][:arch.Labels], affine(bb, "head", hidden))
	}
}

// normalised is the final LayerNorm in double precision.
func normalised(bb *backbone.Backbone, x []float64) []float64 {
	mean, variance := 0.0, 0.0
	for _, v := range x {
		mean += v / float64(len(x))
	}
	for _, v := range x {
		variance += (v - mean) * (v - mean) / float64(len(x))
	}
	out := make([]float64, len(x))
	scale, bias := bb.Weights[finalScale].Float32(), bb.Weights[finalBias].Float32()
	for i, v := range x {
		out[i] = (v-mean)/math.Sqrt(variance+backbone.LayerNormEps)*float64(scale[i]) + float64(bias[i])
	}
	return out
}

// affine is a linear layer in double precision.
func affine(bb *backbone.Backbone, name string, x []float64) []float64 {
	kernel, bias := bb.Weights[name+"/kernel"].Float32(), bb.Weights[name+"/bias"].Float32()
	out := make([]float64, len(bias))
	for j := range out {
		out[j] = float64(bias[j])
		for i, v := range x {
			out[j] += v * float64(kernel[i*len(bias)+j])
		}
	}
	return out
}

func near(t *testing.T, what string, got []float32, want []float64) {
	t.Helper()
	for i := range want {
		if !(math.Abs(float64(got[i])-want[i]) <= 1e-5) {
			t.Errorf("%s: got %v, want %.6v", what, got, want)
			return
		}
	}
}

// TestOwnHeadMissing checks that using the own head of a backbone without one is an error, not a panic.
func TestOwnHeadMissing(t *testing.T) {
	err := func() (err error) {
		defer graph.Catch(&err)
		b := graph.New(graph.RecomputeNone)
		tiny.OwnHead(&backbone.Forward{Arch: tiny}, b, graph.Value{})
		return nil
	}()
	expect.Error(t, err, "no head of its own")
}
