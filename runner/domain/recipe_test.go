package domain

import (
	"testing"

	"dtl-tf/runner/finetune"
	"dtl-tf/runner/recipe"
	"dtl-tf/runner/recipe/recipetest"
)

// TestPublishedRecipes holds every recipe of DTL and DTL+ against the scripts of the official repository, where they are at hand.
func TestPublishedRecipes(t *testing.T) {
	recipetest.CheckPublished(t, "domain-generalization", len(official)*2, func(s recipetest.Script) recipe.Recipe {
		return RecipeOf(true, s["dataset"], s["method"], vitB.Architecture)
	})
}

// TestRecipes: rivals have NOAH's recipe for this experiment, and own domains the usual rates of DTL and DTL+.
func TestRecipes(t *testing.T) {
	for _, method := range []string{"lora", "linear", "vpt-deep"} {
		if r := RecipeOf(true, "imagenet-sketch", method, vitB.Architecture); r.LR != 5e-3 || r.WeightDecay != 1e-4 || r.Epochs != 100 || r.Batch != 64 || (method == "linear") != (r.DropPath == 0) {
			t.Errorf("%s: %+v", method, r)
		}
	}
	for _, architecture := range []string{vitB.Architecture, "swin:image=224,patch=4,window=7,width=128,depths=2-2-18-2,heads=4-8-16-32"} {
		for _, method := range []string{"dtl", "dtl+"} {
			rate, _ := finetune.UsualRate(method)
			if r := RecipeOf(false, "imagenet", method, architecture); r.Name != "usual" || r.LR != rate || r.Epochs != 110 || r.Note != "" {
				t.Errorf("%s on own domains: %+v, want the rate %v", method, r, rate)
			}
		}
	}
}
