package graph_test

import (
	"fmt"
	"log"

	tf "github.com/wamuir/graft/tensorflow"

	"dtl-tf/graph"
	"dtl-tf/graph/tensor"
)

// Example differentiates y = relu(x W + c). With x = (1, 2), W = ((1, -1), (2, 1)) and c = (0.5, -3), x W + c = (5.5, -2) and
// y = (5.5, 0). For the gradient dy = (1, 1) ReLU passes on (1, 0), so dx = (1, 0) W^T = (1, 2), dW = x^T (1, 0) = ((1, 0), (2, 0))
// and dc = (1, 0).
func Example() {
	b := graph.New(graph.RecomputeNone)
	x := b.Leaf(b.Placeholder("x", tf.Float, 1, 2))
	variables := graph.NewVariables()
	w := variables.Declare(b, "W", true, 2, 2)
	c := variables.Declare(b, "c", true, 2)
	y := b.ReLU(b.Linear(x, w.Value, c.Value))
	dy := b.Constant(tensor.Must([]float32{1, 1}, 1, 2))
	gradients := b.Backward(y, dy, []graph.Value{x, w.Value, c.Value})

	s, err := graph.NewSession(b.Graph(), graph.SessionOptions{Threads: 1})
	if err != nil {
		log.Fatal(err)
	}
	defer s.Close()
	err = variables.Assign(s, tensor.Map{
		"W": tensor.Must([]float32{1, -1, 2, 1}, 2, 2),
		"c": tensor.Must([]float32{0.5, -3}, 2),
	})
	if err != nil {
		log.Fatal(err)
	}
	feeds := []graph.Feed{{Output: x.Output, Value: tensor.Must([]float32{1, 2}, 1, 2)}}
	fetches := []tf.Output{y.Output}
	for _, g := range gradients {
		fetches = append(fetches, g.Output)
	}
	values, err := s.Run(feeds, fetches)
	if err != nil {
		log.Fatal(err)
	}
	for i, name := range []string{"y", "dx", "dW", "dc"} {
		fmt.Println(name, values[i].Shape, values[i].Float32())
	}
	// Output:
	// y [1 2] [5.5 0]
	// dx [1 2] [1 2]
	// dW [2 2] [1 0 2 0]
	// dc [2] [1 0]
}

// ExampleBuilder_Region differentiates y = 2 tanh(x) inside a region: the forward pass saves x only, and the backward pass
// recomputes the Tanh. At x = 0 y is 0 and its slope is 2.
func ExampleBuilder_Region() {
	b := graph.New(graph.RecomputeBlocks)
	x := b.Leaf(b.Placeholder("x", tf.Float, 2, 1))
	y := b.Region([]graph.Value{x}, 0, func(b *graph.Builder, in []graph.Value) graph.Value {
		return b.Scale(b.Tanh(in[0]), 2)
	})
	dx := b.Backward(y, b.Constant(tensor.Must([]float32{1, 1}, 2, 1)), []graph.Value{x})[0]

	s, err := graph.NewSession(b.Graph(), graph.SessionOptions{Threads: 1})
	if err != nil {
		log.Fatal(err)
	}
	defer s.Close()
	values, err := s.Run([]graph.Feed{{Output: x.Output, Value: tensor.Zeros(2, 1)}}, []tf.Output{y.Output, dx.Output})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(values[0].Float32(), values[1].Float32())
	// Output: [0 0] [2 2]
}
