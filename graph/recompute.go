package graph

import (
	"fmt"
	"slices"
	"strings"
)

// Recompute says which activations the backward pass recomputes instead of reading saved ones.
type Recompute int

const (
	// RecomputeNone saves what PyTorch saves.
	RecomputeNone Recompute = iota
	// RecomputeActivations recomputes the cheap activations: softmax, GELU, LayerNorm (see Builder.Save).
	RecomputeActivations
	// RecomputeBlocks saves the input of each block and recomputes everything inside.
	RecomputeBlocks
)

var recomputeNames = []string{RecomputeNone: "none", RecomputeActivations: "activations", RecomputeBlocks: "blocks"}

// Recomputes lists the names that ParseRecompute accepts.
func Recomputes() []string { return slices.Clone(recomputeNames) }

// ParseRecompute is the inverse of String.
func ParseRecompute(name string) (Recompute, error) {
	if i := slices.Index(recomputeNames, name); i >= 0 {
		return Recompute(i), nil
	}
	return 0, fmt.Errorf("unknown kind of recomputation %q: use one of %s", name, strings.Join(recomputeNames, ", "))
}

// String is the name of the mode on the command line.
func (r Recompute) String() string { return recomputeNames[r] }
