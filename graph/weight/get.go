package weight

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"

	"dtl-tf/graph/spell"
	"dtl-tf/graph/tensor"
)

// Get returns the tensor of that name. If a shape is given, the tensor must have it. The error names
// the file, the tensor and both shapes, or suggests similar names.
func (f *File) Get(name string, shape ...int) (tensor.Tensor, error) {
	t, ok := f.Tensors[name]
	if !ok {
		return tensor.Tensor{}, fmt.Errorf("%s: there is no tensor %s%s", f.Path, f.Name(name), f.hint(name))
	}
	if len(shape) > 0 && !slices.Equal(t.Shape, shape) {
		as := ""
		if own := f.Name(name); own != name { // the shape may be another than in the file
			as = fmt.Sprintf(" (read as %s)", name)
		}
		return tensor.Tensor{}, fmt.Errorf("%s: tensor %s%s has shape %v, wanted %v", f.Path, f.Name(name), as, t.Shape, shape)
	}
	return t, nil
}

// CheckFinite returns an error if a weight is NaN or infinite. The error names the first one by tensor and index.
func (f *File) CheckFinite(ctx context.Context) error {
	names := f.Tensors.Names()
	return parallel(ctx, len(names), func(i int, _ []byte) error {
		t := f.Tensors[names[i]]
		at := t.FirstNonFinite()
		if l, ok := t.Data.(*inFile); ok {
			at = l.bad
		}
		if at < 0 {
			return nil
		}
		what, value := "infinite", make([]float32, 1)
		if err := t.Read(at, value); err != nil {
			return err
		}
		if math.IsNaN(float64(value[0])) {
			what = "NaN"
		}
		return fmt.Errorf("%s: tensor %s is %s at index %v of shape %v: the file is damaged or its training diverged",
			f.Path, f.Name(names[i]), what, unravel(at, t.Shape), t.Shape)
	})
}

// unravel converts a row-major position to an index along each axis.
func unravel(at int, shape []int) []int {
	index := make([]int, len(shape))
	for axis := len(shape) - 1; axis >= 0; axis-- {
		index[axis] = at % shape[axis]
		at /= shape[axis]
	}
	return index
}

// Limits that keep the search for similar names cheap whatever the file holds.
const (
	hintNames  = 5000 // names compared
	hintLength = 200  // bytes of a name that is compared
	hintCount  = 3    // names shown
)

// hint lists the names most similar to name; it is empty if none is similar.
func (f *File) hint(name string) string {
	m := f.Tensors
	if len(m) == 0 {
		return ", the file holds none"
	}
	if len(m) > hintNames || len(name) > hintLength {
		return ""
	}
	var near []string
	distance := map[string]int{}
	for _, other := range m.Names() {
		if len(other) > hintLength {
			continue
		}
		if distance[other] = spell.Distance(name, other); distance[other] <= max(2, len(name)/3) {
			near = append(near, other)
		}
	}
	if len(near) == 0 {
		return ""
	}
	slices.SortStableFunc(near, func(a, b string) int { return distance[a] - distance[b] })
	for i, other := range near {
		near[i] = f.Name(other)
	}
	return "; the nearest names are " + strings.Join(near[:min(hintCount, len(near))], ", ")
}
