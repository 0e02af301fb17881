package backbone

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"dtl-tf/graph/weight"
)

// maxNamed is how many tensors or blocks an error names; it counts the rest.
const maxNamed = 5

// list joins at most maxNamed names for an error. count is the number of names in all.
func list(names []string, count int) string {
	if count <= maxNamed {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:maxNamed], ", "), count-maxNamed)
}

// maxBlocks is a limit far above the depth of any backbone.
const maxBlocks = 1 << 12

// CountBlocks counts the blocks 0, 1, ... whose weights' names begin with template, and fails if one is missing in between.
func CountBlocks(f *weight.File, template string) (int, error) {
	prefix, suffix, _ := strings.Cut(template, "%d")
	found, last := map[int]bool{}, -1
	for name := range f.Tensors {
		rest, ok := strings.CutPrefix(name, prefix)
		digits, _, also := strings.Cut(rest, suffix)
		i, err := strconv.Atoi(digits)
		if !ok || !also || err != nil || strconv.Itoa(i) != digits || i < 0 || i > maxBlocks {
			continue // not of a block: checkPlaces decides about it
		}
		found[i] = true
		last = max(last, i)
	}
	if len(found) == last+1 {
		return len(found), nil
	}
	start := fmt.Sprintf(template, last)
	names := f.Tensors.Names()
	tensor := strings.TrimPrefix(names[slices.IndexFunc(names, func(name string) bool { return strings.HasPrefix(name, start) })], start)
	var missing []string
	for i := 0; i < last && len(missing) < maxNamed; i++ {
		if !found[i] {
			missing = append(missing, blockName(f, template, i, tensor))
		}
	}
	return 0, fmt.Errorf("%s: there is a %s, but no %s: the file is incomplete", f.Path, blockName(f, template, last, tensor), list(missing, last+1-len(found)))
}

// blockName names a block in messages. If the tensors of the file were renamed, the name is that of the given tensor of the block.
func blockName(f *weight.File, template string, i int, tensor string) string {
	block := fmt.Sprintf(template, i)
	if name := f.Name(block + tensor); name != block+tensor {
		return name
	}
	return strings.TrimRight(block, "./")
}

// checkPlaces fails if a tensor is neither wanted nor known to have no effect: ignoring it could change results.
func checkPlaces(f *weight.File, a Architecture, wanted func(name string) bool) error {
	family := familyOf(a)
	var rest []string
	for _, name := range f.Tensors.Names() {
		if !wanted(name) && !family.Unused(f.Tensors, name) {
			rest = append(rest, f.Name(name))
		}
	}
	if rest == nil {
		return nil
	}
	return fmt.Errorf("%s: it has tensors for which a %s has no place: %s", f.Path, family.Kind, list(rest, len(rest)))
}
