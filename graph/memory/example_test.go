package memory_test

import (
	"fmt"
	"log"

	tf "github.com/wamuir/graft/tensorflow"

	"dtl-tf/graph"
	"dtl-tf/graph/memory"
	"dtl-tf/graph/tensor"
)

// Example traces one forward and backward pass of y = relu(x w) and prints what is live at the peak, the last product: the
// gradient of the product x w, 4 x 512 x 256 bytes, and that of w, 4 x 1024 x 256 bytes. y, saved for the backward pass, is
// overwritten by the first of these. Feeds are not counted.
func Example() {
	b := graph.New(graph.RecomputeNone)
	x := b.Placeholder("x", tf.Float, 512, 1024)
	w := b.Leaf(b.Placeholder("w", tf.Float, 1024, 256))
	y := b.In("hidden").ReLU(b.Linear(x, w, graph.Value{})) // [512, 256]
	dy := b.Placeholder("dy", tf.Float, 512, 256)
	dw := b.Backward(y, dy, []graph.Value{w})[0] // [1024, 256]

	s, err := graph.NewSession(b.Graph(), graph.SessionOptions{Threads: 1})
	if err != nil {
		log.Fatal(err)
	}
	defer s.Close()
	feeds := []graph.Feed{
		{Output: x.Output, Value: tensor.Zeros(512, 1024)},
		{Output: w.Output, Value: tensor.Zeros(1024, 256)},
		{Output: dy.Output, Value: tensor.Zeros(512, 256)},
	}
	_, trace, err := s.Trace(feeds, []tf.Output{dw.Output})
	if err != nil {
		log.Fatal(err)
	}
	report, err := memory.Replay(trace, nil)
	if err != nil {
		log.Fatal(err)
	}
	outputs := int64(0)
	for _, buffer := range report.Buffers {
		if buffer.Shape == nil {
			continue // a temporary of the matrix product, whose size depends on the processor
		}
		outputs += buffer.Bytes
		fmt.Printf("%s %v: %d bytes\n", buffer.Kind, buffer.Shape, buffer.Bytes)
	}
	fmt.Printf("together %d bytes, temporaries below 64 KiB: %t\n", outputs, report.Peak-outputs < 64<<10)
	// Output:
	// gradient [1024 256]: 1048576 bytes
	// gradient [512 256]: 524288 bytes
	// together 1572864 bytes, temporaries below 64 KiB: true
}
