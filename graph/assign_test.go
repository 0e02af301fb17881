package graph

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"dtl-tf/graph/tensor"
)

// TestAssignAndFetch copies variables in and out of a session that take more than one run.
func TestAssignAndFetch(t *testing.T) {
	b, vs, values := New(RecomputeNone), NewVariables(), tensor.Map{}
	random := rand.New(rand.NewPCG(1, 2))
	for i, n := range []int{3, FillBytes/4 - 5, 1, 0, 7} { // the second and third fill a run
		name := fmt.Sprintf("v%d", i)
		values[name] = tensor.Zeros(n, 1)
		for k := 0; k < n; k += 1 + n/1000 {
			values[name].Float32()[k] = random.Float32()
		}
		vs.Declare(b, name, i%2 == 0, n, 1)
	}
	s, err := NewSession(b.Graph(), SessionOptions{Threads: 2})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := vs.Assign(s, values); err != nil {
		t.Fatal(err)
	}
	got, err := vs.Read(s)
	if err != nil {
		t.Fatal(err)
	}
	if got.SHA256() != values.SHA256() {
		t.Error("values came back changed")
	}
	values["v4"] = tensor.Zeros(8, 1)
	if err := vs.Assign(s, values); err == nil || !strings.Contains(err.Error(), "v4 has shape [8 1], wanted [7 1]") {
		t.Errorf("wrong shape: %v", err)
	}
	delete(values, "v4")
	if err := vs.Assign(s, values); err == nil || !strings.Contains(err.Error(), "v4 is missing") {
		t.Errorf("missing value: %v", err)
	}
}
