package dtl

import (
	"fmt"
	"testing"

	"dtl-tf/graph/backbone"
	"dtl-tf/graph/tensor"
)

// BenchmarkStep measures one training step of ViT-Ti/16 at batch 8. Compare the methods with each other: absolute times depend
// on the machine.
func BenchmarkStep(b *testing.B) {
	for _, name := range []string{"linear", "dtl", "dtl+", "full"} {
		b.Run(fmt.Sprintf("method=%s", name), func(b *testing.B) { benchmarkStep(b, name) })
	}
}

func benchmarkStep(b *testing.B, name string) {
	const batch, classes = 8, 100
	arch, err := backbone.Parse("vit_ti16")
	if err != nil {
		b.Fatal(err)
	}
	random, err := backbone.Random(arch, 1)
	if err != nil {
		b.Fatal(err)
	}
	method, _, err := newMethod(name, nil, arch)
	if err != nil {
		b.Fatal(err)
	}
	model, err := New(Config{
		Arch: arch, Mean: random.Mean, Std: random.Std, Method: method, Pool: method.Pool(),
		Classes: classes,
	})
	if err != nil {
		b.Fatal(err)
	}
	s, err := NewImageTrainer(model, Training{Batch: batch, WeightDecay: 0.05}, Start{Weights: random.Weights, Seed: 1})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	images := tensor.Must(make([]uint8, batch*arch.ImageSize()*arch.ImageSize()*3), batch, arch.ImageSize(), arch.ImageSize(), 3)
	labels := make([]int32, batch)
	step := 0
	for b.Loop() {
		if _, err := s.Step(images, labels, 1e-3, step); err != nil {
			b.Fatal(err)
		}
		step++
	}
	b.ReportMetric(float64(batch)*float64(b.N)/b.Elapsed().Seconds(), "images/s")
}
