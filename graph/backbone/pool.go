package backbone

import (
	"fmt"
	"slices"
	"strings"
)

// Pool is how the sequence of tokens is reduced to one vector for the classifier.
type Pool string

const (
	// PoolMean averages the patch tokens, without class token and registers: in a ViT before the final LayerNorm unless the
	// architecture says otherwise, in a Swin after it.
	PoolMean Pool = "mean"
	// PoolClass takes the class token, after the final LayerNorm.
	PoolClass Pool = "cls"
	// PoolBoth is the class token followed by the mean of the patch tokens, 2d values, each after the final LayerNorm: what
	// the linear heads of DINOv2 read (facebookresearch/dinov2, dinov2/hub/classifiers.py).
	PoolBoth Pool = "mean+cls"
	// PoolMap is attention pooling with a learned query over all tokens after the final LayerNorm (SigLIP, arXiv 2303.15343).
	PoolMap Pool = "map"
	// PoolDistilled is the class token followed by the distillation token, 2d values, after the final LayerNorm: what the two
	// heads of a distilled DeiT read (arXiv 2012.12877, section 4).
	PoolDistilled Pool = "cls+dist"
)

// pools lists all pools, for messages.
var pools = []Pool{PoolMean, PoolClass, PoolBoth, PoolMap, PoolDistilled}

// Pools lists all pools.
func Pools() []Pool { return slices.Clone(pools) }

// FeatureWidth is the size of the features under a pool.
func FeatureWidth(a Architecture, p Pool) int {
	if p == PoolBoth || p == PoolDistilled {
		return 2 * Width(a)
	}
	return Width(a)
}

// DefaultPool is the pool of a method whose own default is p: p, but the architecture's usual one in place of the class token, which stands
// for the usual input of a classifier, and if it does not have p.
func DefaultPool(a Architecture, p Pool) Pool {
	if p == PoolClass || CheckPool(a, p) != nil {
		return a.Pools()[0]
	}
	return p
}

// CheckPool returns an error if the architecture does not have a pool.
func CheckPool(a Architecture, p Pool) error {
	all := a.Pools()
	if slices.Contains(all, p) {
		return nil
	}
	what := map[Pool]string{PoolClass: "a class token", PoolBoth: "a class token", PoolMap: "attention pooling", PoolDistilled: "a distillation token"}[p]
	which := "a " + Title(a.Family())
	if a.Lineage() != "" {
		which = "this " + a.Lineage()
	}
	return fmt.Errorf("%s needs %s, and %s has none: use %s", p, what, which, listed(all, " or "))
}

// ParsePool checks the name of a pool.
func ParsePool(name string) (Pool, error) {
	if p := Pool(name); slices.Contains(pools, p) {
		return p, nil
	}
	return "", fmt.Errorf("unknown pool %q: use one of %s", name, listed(pools, ", "))
}

func listed(list []Pool, separator string) string {
	var names []string
	for _, p := range list {
		names = append(names, string(p))
	}
	return strings.Join(names, separator)
}
