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
	// RecomputeGELU2Bit saves what PyTorch saves, but of the GELUs in the backbone's MLPs 2 bits a value, from which their gradient is
	// APPROXIMATED (see Builder.CompactGELU). Nothing runs in chunks.
	RecomputeGELU2Bit Recompute = "gelu2bit"
)

// Approximate tells whether gradients are approximate in this mode.
func (r Recompute) Approximate() bool { return r == RecomputeGELU2Bit }

// Label is the name of the mode, with a mark if it is approximate.
func (r Recompute) Label() string {
	if r.Approximate() {
		return string(r) + " (APPROXIMATE gradients)"
	}
	return string(r)
}

// ExactRecomputes lists the modes that leave the gradients as they are but for rounding.
func ExactRecomputes() []Recompute {
	return []Recompute{RecomputeNone, RecomputeActivations, RecomputeBlocks}
}

// Recomputes lists the names that ParseRecompute accepts.
func Recomputes() []string {
	return []string{string(RecomputeNone), string(RecomputeActivations), string(RecomputeBlocks), string(RecomputeGELU2Bit)}
}

// ParseRecompute checks a name.
func ParseRecompute(name string) (Recompute, error) {
	if !slices.Contains(Recomputes(), name) {
		return "", fmt.Errorf("unknown kind of recomputation %q: use one of %s", name, strings.Join(Recomputes(), ", "))
	}
	return Recompute(name), nil
}
