package backbone

import (
	"fmt"
	"strings"

	"dtl-tf/graph/tensor"
	"dtl-tf/graph/weight"
)

// Naming is what a family makes of a file whose tensors may have other names than those of its layouts.
type Naming struct {
	Tensors tensor.Map               // by the names of one of the family's layouts, in its shapes
	Name    func(name string) string // the name in the file of a tensor of Tensors, or of one that is missing there
	Library string                   // whose names the file has, for display
	Network string                   // the kind of published network that they show, for display
	Unused  []string                 // names in the file of tensors without effect on the features
	Skipped []string                 // beginnings of names in the file that belong to no backbone, such as those of a text tower
	// Settle changes the defaults by what the names tell, and where they come from.
	Settle func(d *Defaults, s *Sources)
	// Complete sets what the names tell about the architecture that the shapes don't; nil: nothing.
	Complete func(a Architecture) Architecture
}

// rename gives the tensors of a file the names of a layout. It returns f itself if no family recognises the names.
func rename(f *weight.File) (*weight.File, *Naming, error) {
	for _, family := range inOrder() {
		if family.Rename == nil {
			continue
		}
		n, err := family.Rename(f.Tensors)
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %w", f.Path, err)
		}
		if n != nil {
			renamed := *f
			renamed.Tensors, renamed.Original = n.Tensors, n.Name
			return &renamed, n, nil
		}
	}
	return f, nil, nil
}

// settle is Settle for a naming that may be nil.
func (n *Naming) settle(d *Defaults, s *Sources) {
	if n != nil {
		n.Settle(d, s)
	}
}

// remark says which tensors belong to no backbone.
func (n *Naming) remark() string {
	return fmt.Sprintf("only the image tower is used, not the tensors whose names begin with %s", strings.Join(n.Skipped, ", "))
}
