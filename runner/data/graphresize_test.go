package data

import (
	"math/rand/v2"
	"testing"

	tf "github.com/wamuir/graft/tensorflow"

	"dtl-tf/graph"
	"dtl-tf/graph/tensor"
)

// TestGraphResizesAsPillow holds the resizing inside exported graphs against Pillow's stored results and, for many pairs
// of sizes, against this package's own, whose values are Pillow's.
func TestGraphResizesAsPillow(t *testing.T) {
	bySize := map[int]func(images tensor.Tensor) []uint8{}
	run := func(images tensor.Tensor, size int) []uint8 {
		if bySize[size] == nil {
			bySize[size] = graphResizer(t, size)
		}
		return bySize[size](images)
	}
	for _, v := range vectors(t) {
		for i, size := range v.Sizes {
			got := run(tensor.Must(v.rgb, 1, v.Height, v.Width, 3), size)
			if count, largest := difference(t, got, v.resized[i]); count > 0 {
				t.Errorf("%s to %d: %d of %d values differ by up to %d levels", v.name, size, count, len(got), largest)
			}
		}
	}
	random := rand.New(rand.NewPCG(1, 2))
	for n := range 60 {
		size := []int{224, 32, 97}[n%3]
		height, width := 1+random.IntN(400), 1+random.IntN(400)
		switch n {
		case 0:
			height, width = 1, 1
		case 1:
			height, width = 32, 32
		case 2:
			height, width = 1800, 5
		case 3, 4: // one more row, and Pillow starts with the height
			height, width = 500+n-3, 5
		case 5:
			height, width = 3, 900
		}
		images := make([]uint8, 2*height*width*3)
		for i := range images { // hard edges: sums leave 0..255 on both sides
			images[i] = uint8(255 * random.IntN(2))
			if n%2 == 0 {
				images[i] = uint8(random.IntN(256))
			}
		}
		got := run(tensor.Must(images, 2, height, width, 3), size)
		one := height * width * 3
		want := append(resize(pixels{images[:one], height, width}, size), resize(pixels{images[one:], height, width}, size)...)
		if count, largest := difference(t, got, want); count > 0 {
			t.Errorf("%d x %d to %d: %d of %d values differ by up to %d levels", height, width, size, count, len(got), largest)
		}
	}
}

// graphResizer is a graph with nothing but the resizing.
func graphResizer(t *testing.T, size int) func(tensor.Tensor) []uint8 {
	t.Helper()
	b := graph.New(graph.RecomputeNone)
	in := b.Placeholder("images", tf.Uint8, graph.Unknown, graph.Unknown, graph.Unknown, 3)
	out := b.Resize(in, size)
	session, err := graph.NewSession(b.Graph(), graph.SessionOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { session.Close() })
	return func(images tensor.Tensor) []uint8 {
		got, err := session.Run([]graph.Feed{{Output: in.Output, Value: images}}, []tf.Output{out.Output})
		if err != nil {
			t.Fatal(err)
		}
		return got[0].Data.([]uint8)
	}
}
