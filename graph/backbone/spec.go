package backbone

import "dtl-tf/graph/tensor"

// Role is the role of a weight. It determines the precision in which the weight is stored and whether weight decay applies.
type Role int

const (
	Kernel    Role = iota // of a linear layer or a convolution: the operands of matrix products
	Bias                  // of a layer or a norm; without weight decay
	Scale                 // of a norm
	Embedding             // a token or a table of positions
)

// Spec describes one weight of an architecture.
type Spec struct {
	Name  string
	Shape []int
	Role  Role
	Head  bool // of the backbone's own classifier
}

// Parameters is the number of parameters of a backbone without its own head.
func Parameters(a Architecture) int {
	total := 0
	for _, s := range a.Specs() {
		if !s.Head {
			total += tensor.Size(s.Shape)
		}
	}
	return total
}
