package fewshot

import (
	"testing"

	"dtl-tf/dtl"
	"dtl-tf/runner/recipe"
	"dtl-tf/runner/recipe/recipetest"
)

const (
	vitB  = "vit:image=224,patch=16,width=768,depth=12,heads=12,mlp=3072"
	swinB = "swin:image=224,patch=4,window=7,width=128,depths=2-2-18-2,heads=4-8-16-32"
)

// TestPublishedRecipes holds every recipe of DTL and DTL+ against the scripts of the official repository, where they are at hand.
func TestPublishedRecipes(t *testing.T) {
	recipetest.CheckPublished(t, "few-shot", 5*5*2, func(s recipetest.Script) recipe.Recipe {
		return RecipeOf(s["dataset"], int(s.Number(t, "shots")), s["method"], vitB)
	})
}

// TestRecipeOf: every method has a recipe on every data set, and NOAH's for rivals is that of its paper.
func TestRecipeOf(t *testing.T) {
	for _, method := range dtl.Names() {
		for _, architecture := range []string{vitB, swinB} {
			if r := RecipeOf("my-photos", 3, method, architecture); r.LR <= 0 || r.Epochs < 100 || r.Batch < 32 || dtl.Ours(method) != (r.Name == "usual") {
				t.Errorf("%s: %+v", method, r)
			}
		}
	}
	if r := RecipeOf("food101", 4, "lora", vitB); r.LR != 5e-3 || r.WeightDecay != 1e-4 || r.Batch != 64 || r.Epochs != 100 {
		t.Errorf("the rivals' recipe: %+v", r)
	}
	if r := RecipeOf("food101", 1, "dtl", vitB); r.LR != 0.003 || r.Name != "published" {
		t.Errorf("DTL on Food-101 with one image: %+v", r)
	}
	if r := RecipeOf("", 1, "dtl+", vitB); r.LR != 0.001 || r.Options["kernel"] != "3" {
		t.Errorf("DTL+ on the user's own data: %+v", r)
	}
}
