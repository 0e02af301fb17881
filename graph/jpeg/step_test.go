package jpeg

import (
	"fmt"
	"testing"
	"time"

	tf "github.com/wamuir/graft/tensorflow"

	"dtl-tf/graph"
	"dtl-tf/graph/tensor"
)

// TestDecodeDuringStep runs a chain of matrix products in a session with one inter-op thread, as in training,
// and checks that images are decoded during the run, not after it.
func TestDecodeDuringStep(t *testing.T) {
	const n = 768
	g := tf.NewGraph()
	input, err := g.AddOperation(tf.OpSpec{
		Type: "Placeholder", Name: "x", Attrs: map[string]any{"dtype": tf.Float, "shape": tf.MakeShape(n, n)},
	})
	if err != nil {
		t.Fatal(err)
	}
	x := input.Output(0)
	for i := range 40 {
		product, err := g.AddOperation(tf.OpSpec{
			Type: "MatMul", Name: fmt.Sprint("product", i), Input: []tf.Input{x, input.Output(0)},
		})
		if err != nil {
			t.Fatal(err)
		}
		x = product.Output(0)
	}
	d := open(t, 1)
	session, err := graph.NewSession(g, graph.SessionOptions{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	step := func() {
		if _, err := session.Run([]graph.Feed{{Output: input.Output(0), Value: tensor.Zeros(n, n)}}, []tf.Output{x}); err != nil {
			t.Error(err)
		}
	}
	step() // the first run also optimises the graph
	data := read(t, "grey.jpg")
	_, _, _, err = d.Decode(data)
	if err != nil {
		t.Fatal(err)
	}

	done := make(chan struct{})
	start := time.Now()
	go func() { defer close(done); step() }()
	decoded := 0
	for running := true; running; {
		select {
		case <-done:
			running = false
		default:
			if _, _, _, err := d.Decode(data); err != nil {
				t.Fatal(err)
			}
			decoded++
		}
	}
	t.Logf("%d images were decoded during a step of %v", decoded, time.Since(start))
	if decoded < 5 { // even without concurrency one may finish before the step and one after it
		t.Errorf("only %d images were decoded during a step", decoded)
	}
}
