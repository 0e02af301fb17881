package vtab

import (
	"slices"

	"dtl-tf/runner/internal/suite"
	"dtl-tf/runner/recipe"
)

// Grids of eight points, for every method as many. That of DTL and of the rivals that drop paths is around the rates of the recipes. Drop path
// would rule out the feature cache of methods that leave the backbone alone, whose recipes have none.
const (
	usualGrid = "lr=3e-4,1e-3,3e-3,8e-3;drop_path=0,0.1"
	sideGrid  = "lr=1e-3,3e-3,1e-2,3e-2;weight_decay=1e-4,0.1"
	fullGrid  = "lr=1e-5,3e-5,1e-4,3e-4;drop_path=0,0.1"
)

// defaultGrid returns the grid of a method, given its base.
func defaultGrid(base recipe.Recipe) string {
	switch base.Name {
	case "full":
		return fullGrid
	case "linear", "side", "vqt":
		return sideGrid
	}
	return usualGrid
}

// baseOf returns what a method's recipes have in common: of each number the median over the 19 tasks, of each option the most frequent value.
// It does not depend on the tasks that are chosen by, so that their number does not change what a point means.
func baseOf(method, architecture string) recipe.Recipe {
	var all []recipe.Recipe
	for _, task := range suite.Tasks() {
		all = append(all, RecipeOf(task, method, architecture))
	}
	median := func(value func(recipe.Recipe) float64) float64 {
		var values []float64
		for _, r := range all {
			values = append(values, value(r))
		}
		slices.Sort(values)
		return values[len(values)/2]
	}
	base := recipe.Recipe{
		Name: all[0].Name, LR: median(func(r recipe.Recipe) float64 { return r.LR }), WeightDecay: median(func(r recipe.Recipe) float64 { return r.WeightDecay }),
		DropPath: median(func(r recipe.Recipe) float64 { return r.DropPath }),
		Epochs:   int(median(func(r recipe.Recipe) float64 { return float64(r.Epochs) })), Batch: int(median(func(r recipe.Recipe) float64 { return float64(r.Batch) })),
	}
	counts := map[string]map[string]int{}
	for _, r := range all {
		for name, value := range r.Options {
			if counts[name] == nil {
				counts[name] = map[string]int{}
			}
			counts[name][value]++
			if base.Options == nil {
				base.Options = map[string]string{}
			}
			if best, ok := base.Options[name]; !ok || counts[name][value] > counts[name][best] {
				base.Options[name] = value
			}
		}
	}
	return base
}
