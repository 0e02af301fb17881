package familytest

import (
	"testing"

	tf "github.com/wamuir/graft/tensorflow"

	"dtl-tf/graph"
	"dtl-tf/graph/tensor"
)

// Run opens a session on a builder's graph with the given weights and feeds one tensor.
func Run(t testing.TB, b *graph.Builder, variables *graph.Variables, weights tensor.Map, input graph.Value, fed tensor.Tensor, fetches []tf.Output) []tensor.Tensor {
	t.Helper()
	s, err := graph.NewSession(b.Graph(), graph.SessionOptions{Threads: 2})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := variables.Assign(s, weights); err != nil {
		t.Fatal(err)
	}
	out, err := s.Run([]graph.Feed{{Output: input.Output, Value: fed}}, fetches)
	if err != nil {
		t.Fatal(err)
	}
	return out
}
