package domain

import (
	_ "embed"
	"sync"

	"dtl-tf/runner/recipe"
)

// recipes.csv has the recipes by target, or own for users' own domains, in the form of recipe.ReadTable.
//
//   - published: DTL and DTL+ as in the domain-generalisation scripts of the official repository, for ViT-B/16: a learning rate for each
//     target. Their "--epochs 100" is followed by ten epochs of cool-down, which epochs includes here. One training for all targets has
//     the recipe of imagenet, the source's own test images.
//   - usual: DTL and DTL+ for everything else. The learning rates for own domains are the medians of the published recipes for VTAB-1k, as
//     in finetune.UsualRate; rank and kernel for Swin-B are those of VTAB-1k.
//   - petl: NOAH's common recipe for rivals in this experiment: AdamW, 100 epochs, batch 64, learning rate 5e-3, weight decay 1e-4.
//     The drop path is that of the same recipe on VTAB-1k.
//   - linear: petl without stochastic depth, which would only blur the features of a frozen backbone.
//   - full: as on VTAB-1k.
//
//go:embed recipes.csv
var recipesFile []byte

var recipes = sync.OnceValue(func() recipe.Table { return recipe.Embedded(recipesFile) })

// ownRecipes stands for the user's own domains in the table of recipes.
const ownRecipes = "own"

// RecipeOf returns the recipe of a method for a target of the official layout, which is Source for one training for all targets, or
// for the user's own domains if official is false.
func RecipeOf(official bool, target, method, architecture string) recipe.Recipe {
	if !official {
		target = ownRecipes
	}
	return recipes().Of(target, method, architecture)
}
