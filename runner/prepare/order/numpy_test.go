package order

import (
	"encoding/json"
	"os"
	"slices"
	"testing"

	"dtl-tf/graph/need"
)

// TestNumpy compares with draws of numpy, also with a second draw from the same generator.
func TestNumpy(t *testing.T) {
	raw, err := os.ReadFile(need.Shared(t, "reference", "vtab_order_vectors.json"))
	if err != nil {
		t.Fatal(err)
	}
	var v struct {
		NumpyChoice []struct {
			Seed    uint32
			N, Size int
			Result  []int
		} `json:"numpy_choice"`
		Second []int `json:"kitti_second_draw"`
	}
	if err := json.Unmarshal(raw, &v); err != nil {
		t.Fatal(err)
	}
	if len(v.NumpyChoice) != 4 || len(v.Second) != 14 {
		t.Fatalf("%d draws, %d numbers of the second draw", len(v.NumpyChoice), len(v.Second))
	}
	for _, c := range v.NumpyChoice {
		g := NewNumpy(c.Seed)
		if got := g.Choice(c.N, c.Size); !slices.Equal(got, c.Result) {
			t.Errorf("seed %d, %d of %d: %v, want %v", c.Seed, c.Size, c.N, got, c.Result)
		}
		if c.Seed == 123 {
			if got := g.Choice(c.N-c.Size, 14); !slices.Equal(got, v.Second) {
				t.Errorf("second draw: %v, want %v", got, v.Second)
			}
		}
	}
}
