package main

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"os"
	"time"

	tf "github.com/wamuir/graft/tensorflow"

	"dtl-tf/graph"
	"dtl-tf/graph/tensor"
)

const (
	side  = 2048 // of the square matrices: large enough to hide the overhead of a product
	chain = 8    // products per run, so that feeding and summing take little of the time
	runs  = 5
)

// printCeiling prints the operations per second (a multiply-add counts as two) that TensorFlow reaches in large matrix
// products, the best of several runs: {"fp32": ..., "bf16": ...}.
func printCeiling(threads int) error {
	rates := map[graph.Precision]float64{}
	for _, p := range []graph.Precision{graph.FP32, graph.BF16} {
		rate, err := ceiling(p, threads)
		if err != nil {
			return err
		}
		rates[p] = rate
	}
	return json.NewEncoder(os.Stdout).Encode(rates)
}

// ceiling multiplies x W W W ... with W stored in the given precision, scaled so that magnitudes stay the same.
func ceiling(p graph.Precision, threads int) (float64, error) {
	b := graph.New(graph.RecomputeNone).Use(p)
	x := b.Placeholder("x", tf.Float, side, side)
	weights := graph.NewVariables()
	w := weights.DeclareKernel(b, "w", side, side)
	y := x
	for range chain {
		y = b.Linear(y, w.Value, graph.Value{})
	}
	sum := b.MeanTokens(b.Reshape(b.Float(y), 1, side, side), 0)

	s, err := graph.NewSession(b.Graph(), graph.SessionOptions{Threads: threads})
	if err != nil {
		return 0, err
	}
	defer s.Close()
	if err := weights.Assign(s, tensor.Map{"w": square(math.Sqrt(3.0 / side))}); err != nil {
		return 0, err
	}
	feeds := []graph.Feed{{Output: x.Output, Value: square(1)}}
	best := math.Inf(1)
	for range 1 + runs { // the first run warms up
		begun := time.Now()
		if _, err := s.Run(feeds, []tf.Output{sum.Output}); err != nil {
			return 0, err
		}
		best = min(best, time.Since(begun).Seconds())
	}
	return chain * 2 * math.Pow(side, 3) / best, nil
}

// square is a matrix of random numbers between -bound and bound.
func square(bound float64) tensor.Tensor {
	random := rand.New(rand.NewPCG(2, 2))
	t := tensor.Zeros(side, side)
	for i := range t.Float32() {
		t.Float32()[i] = float32((2*random.Float64() - 1) * bound)
	}
	return t
}
