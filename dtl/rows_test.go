package dtl

import (
	"slices"
	"testing"

	"dtl-tf/graph/expect"
	"dtl-tf/graph/tensor"
)

// TestSharedRows: tasks that classify some rows of a batch give the logits that a separate predictor gives for these images, also
// one without a prefix, and a task may occur with other rows again.
func TestSharedRows(t *testing.T) {
	c := Config{Arch: micro, Std: [3]float64{1, 1, 1}, FloatImages: true}
	weights := must(randomWeights(micro))(t)
	addNoise(weights, 0.05)
	images := someImages(micro, 6)
	s := openShared(t, c, weights)
	each := len(images.Float32()) / 6
	var wanted []Wanted
	var want []tensor.Tensor
	for i, o := range []oneTask{{name: "half", method: "dtl", classes: 3}, {name: "linear", method: "linear", classes: 5}, {name: "lora", method: "lora", classes: 2}} {
		task, model := o.build(t, c, weights, nil)
		expect.NoError(t, s.Add(task))
		for _, rows := range [][]int{{i, 3 + i}, {5}, nil} {
			some := images
			if rows != nil {
				var pixels []float32
				for _, r := range rows {
					pixels = append(pixels, images.Float32()[r*each:(r+1)*each]...)
				}
				some = tensor.Must(pixels, append([]int{len(rows)}, images.Shape[1:]...)...)
			}
			wanted = append(wanted, Wanted{o.name, rows})
			want = append(want, must(open(t, model, weights, 0, task.Adapter).Logits(some))(t))
		}
	}
	got := must(s.LogitsOf(images, wanted...))(t)
	for i, w := range wanted {
		if !slices.Equal(got[i].Shape, want[i].Shape) {
			t.Fatalf("%+v: %v, want %v", w, got[i].Shape, want[i].Shape)
		}
		sameLogits(t, w.Task, got[i], want[i], 1e-6) // products of fewer rows may round differently
	}
	if _, err := s.LogitsOf(images, Wanted{"half", []int{6}}); err == nil {
		t.Error("row 6 of 6 images")
	}
}
