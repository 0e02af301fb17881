package backbone

import "dtl-tf/graph/tensor"

// Role is what a weight does. It decides how a weight is stored and whether weight decay acts on it.
type Role int

const (
	Kernel    Role = iota // of a linear layer or a convolution, the only weights that take part in matrix products
	Bias                  // of a layer or a norm; weight decay leaves it alone
	Scale                 // of a norm
	Embedding             // a token or a table of positions
)

// Spec describes one weight of an architecture.
type Spec struct {
	Name  string
	Shape []int
	Role  Role
	Head  bool // it belongs to the backbone's own classifier
}

// Parameters counts the numbers of a backbone without its own head.
func Parameters(a Architecture) int {
	total := 0
	for _, s := range a.Specs() {
		if !s.Head {
			total += tensor.Size(s.Shape)
		}
	}
	return total
}
