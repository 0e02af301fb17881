package graph

import (
	"fmt"
	"slices"
	"strings"
)

// Recompute says what the backward pass makes again instead of keeping it.
type Recompute int

const (
	// KeepAll keeps what PyTorch keeps.
	KeepAll Recompute = iota
	// RecomputeActivations makes again what is cheap: softmax, GELU, LayerNorm (see Builder.Keep).
	RecomputeActivations
	// RecomputeBlocks keeps the input of each block and makes everything in it again.
	RecomputeBlocks
)

var recomputeNames = []string{KeepAll: "none", RecomputeActivations: "activations", RecomputeBlocks: "blocks"}

// Recomputes lists what ParseRecompute accepts.
func Recomputes() []string { return slices.Clone(recomputeNames) }

// ParseRecompute reads what String gives.
func ParseRecompute(name string) (Recompute, error) {
	if i := slices.Index(recomputeNames, name); i >= 0 {
		return Recompute(i), nil
	}
	return 0, fmt.Errorf("unknown kind of recomputation %q: use one of %s", name, strings.Join(recomputeNames, ", "))
}

// String is the name that users write.
func (r Recompute) String() string { return recomputeNames[r] }
