package vtab

import (
	_ "embed"
	"sync"

	"dtl-tf/runner/internal/suite"
	"dtl-tf/runner/recipe"
)

// recipes.csv has the recipes by family of backbones, task and method. The first row that matches counts; * matches everything.
//
//   - published: DTL and DTL+ as in the scripts of the official repository, one row per task, for ViT-B/16 and Swin-B. Their
//     "--epochs 100" is followed by ten epochs of cool-down, which epochs includes here, as --epochs does: 110 = 10 of warm-up,
//     90 of cosine, 10 of cool-down.
//   - full: full fine-tuning with AdamW as the SSF repository does it on CIFAR-100 (train_full.sh).
//   - adapter+: the one recipe for all tasks of its authors (visinf/adapter_plus): AdamW, learning rate 1e-3, weight decay 1e-4, batch 64,
//     100 epochs, drop path 0.1 in the backbone and on the adapters. Their warm-up starts at a hundredth of the rate and their cosine
//     ends at a thousandth.
//   - vqt: 100 epochs in batches of 128 as its authors have it (andytu28/VQT), who search the learning rate and the weight decay for each
//     task; here they are those of petl.
//   - side: petl without stochastic depth, for networks beside a frozen backbone, whose feature cache it would rule out. No recipe of
//     Res-Tuning-Bypass is public, and lra is this program's own.
//   - petl: the recipe that NOAH, FacT, Convpass and other papers on parameter-efficient tuning share, for every other rival: AdamW,
//     learning rate 1e-3, weight decay 1e-4, batch 64, drop path 0.1, 100 epochs. Some papers also tune the scale of their adapter
//     for each task; this recipe does not. The schedule is this program's cosine over 100 epochs. Images are normalised
//     as the backbone requires, not with ImageNet's mean as in some of those repositories.
//   - linear: petl without stochastic depth, which would only blur the features of a frozen backbone.
//
//go:embed recipes.csv
var recipesFile []byte

var recipes = sync.OnceValue(func() recipe.Table { return recipe.Embedded(recipesFile) })

// RecipeOf returns the recipe of a method on a task for the backbone of an architecture, such as "vit:image=224,...". A ViT of
// another size gets the recipe of ViT-B and another Swin that of Swin-B, with a note.
func RecipeOf(task suite.Task, method, architecture string) recipe.Recipe {
	return recipes().Of(task.Folder, method, architecture)
}
