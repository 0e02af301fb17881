package memory_test

import (
	"slices"
	"testing"

	tf "github.com/wamuir/graft/tensorflow"

	"dtl-tf/graph"
	"dtl-tf/graph/memory"
	"dtl-tf/graph/tensor"
)

// TestKnownPeak runs a chain whose peak follows from its shapes alone (n rows, float32):
//
//	a = x A     [n, 300]    live until the sum at the end
//	b = a B     [n, 900]
//	c = tanh b              in place: b has no other use
//	d = c D     [n, 500]    a, c and d are live: the peak
//	e = d E     [n, 300]    c was released after d
//	sum         []          a + e in place
func TestKnownPeak(t *testing.T) {
	const n = 200
	b := graph.New(graph.RecomputeNone)
	var feeds []graph.Feed
	input := func(name string, rows, columns int) graph.Value {
		v := b.Placeholder(name, tf.Float, rows, columns)
		feeds = append(feeds, graph.Feed{Output: v.Output, Value: tensor.Zeros(rows, columns)})
		return v
	}
	product := func(name string, x graph.Value, columns int) graph.Value {
		w := input("weight/"+name, x.Width(), columns)
		return b.In(name).Linear(x, w, graph.Value{})
	}
	a := product("a", input("x", n, 100), 300)
	c := b.In("c").Tanh(product("b", a, 900))
	d := product("d", c, 500)
	e := product("e", d, 300)
	sum := b.MeanTokens(b.Reshape(b.Add(a, e), 1, n, 300), 0) // [1, 300]

	s, err := graph.NewSession(b.Graph(), graph.SessionOptions{Threads: 2})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, err := s.Run(feeds, []tf.Output{sum.Output}); err != nil {
		t.Fatal(err)
	}
	_, trace, err := s.Trace(feeds, []tf.Output{sum.Output})
	if err != nil {
		t.Fatal(err)
	}
	r, err := memory.Replay(trace, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := []int64{4 * n * 900, 4 * n * 500, 4 * n * 300}
	var got []int64
	shapes := [][]int{{n, 900}, {n, 500}, {n, 300}}
	temporaries := int64(0)
	for _, buffer := range r.Buffers {
		if buffer.Shape == nil {
			temporaries += buffer.Bytes
			continue
		}
		if i := len(got); i < len(shapes) && !slices.Equal(buffer.Shape, shapes[i]) {
			t.Errorf("buffer %d: %+v, want shape %v", i, buffer, shapes[i])
		}
		got = append(got, buffer.Bytes)
	}
	if !slices.Equal(got, want) {
		t.Errorf("outputs live at the peak: %v, want %v", got, want)
	}
	// Besides outputs there are oneDNN's temporaries during the product, a few kilobytes at its discretion.
	if temporaries > 64<<10 {
		t.Errorf("%d bytes of temporaries at the peak: %+v", temporaries, r.Buffers)
	}
	if r.Peak != 4*n*(900+500+300)+temporaries {
		t.Errorf("peak %d, want %d and %d of temporaries", r.Peak, 4*n*(900+500+300), temporaries)
	}
	if r.Left != 4*300 {
		t.Errorf("%d bytes left, want the fetched row of %d", r.Left, 4*300)
	}
	if r.Gradients != 0 || r.Activations != r.Peak {
		t.Errorf("a forward pass has activations %d and gradients %d", r.Activations, r.Gradients)
	}
	t.Logf("peak %d (at most %d), temporaries %d, %d records", r.Peak, r.AtMost, temporaries, r.Records)
}
