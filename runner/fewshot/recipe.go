package fewshot

import (
	_ "embed"
	"fmt"
	"sync"

	"dtl-tf/runner/recipe"
)

// recipes.csv has the recipes by data set and number of shots, written SET/SHOTS, in the form of recipe.ReadTable.
//
//   - published: DTL and DTL+ as in the few-shot scripts of the official repository, for ViT-B/16. Their "--epochs 100" is followed by
//     ten epochs of cool-down, which epochs includes here: 110 = 10 of warm-up, 90 of cosine, 10 of cool-down.
//   - usual: DTL and DTL+ for everything else, with the learning rate that most of the published rows have; rank and kernel for
//     Swin-B are those of VTAB-1k.
//   - petl: NOAH's common recipe for rivals in this experiment: AdamW, 100 epochs, batch 64, learning rate 5e-3, weight decay 1e-4.
//     The drop path is that of the same recipe on VTAB-1k.
//   - linear: petl without stochastic depth, which would only blur the features of a frozen backbone.
//   - full: as on VTAB-1k.
//
//go:embed recipes.csv
var recipesFile []byte

var recipes = sync.OnceValue(func() recipe.Table { return recipe.Embedded(recipesFile) })

// RecipeOf returns the recipe of a method on a data set, by its folder, with a number of training images of each class.
func RecipeOf(set string, shots int, method, architecture string) recipe.Recipe {
	return recipes().Of(fmt.Sprintf("%s/%d", set, shots), method, architecture)
}
