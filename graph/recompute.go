package graph

import (
	"fmt"
	"slices"
	"strings"
)

// Recompute says which activations the backward pass recomputes instead of reading saved ones. "" is RecomputeNone.
type Recompute string

const (
	// RecomputeNone saves what PyTorch saves.
	RecomputeNone Recompute = "none"
	// RecomputeActivations recomputes the cheap activations: softmax, GELU, LayerNorm (see Builder.Save).
	RecomputeActivations Recompute = "activations"
	// RecomputeBlocks saves the input of each block and recomputes everything inside.
	RecomputeBlocks Recompute = "blocks"
)

// Recomputes lists the names that ParseRecompute accepts.
func Recomputes() []string {
	return []string{string(RecomputeNone), string(RecomputeActivations), string(RecomputeBlocks)}
}

// ParseRecompute checks a name.
func ParseRecompute(name string) (Recompute, error) {
	if !slices.Contains(Recomputes(), name) {
		return "", fmt.Errorf("unknown kind of recomputation %q: use one of %s", name, strings.Join(Recomputes(), ", "))
	}
	return Recompute(name), nil
}
