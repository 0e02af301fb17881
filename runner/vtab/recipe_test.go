package vtab

import (
	"strings"
	"testing"

	"dtl-tf/graph/expect"
	"dtl-tf/runner/internal/suite"
	"dtl-tf/runner/recipe"
	"dtl-tf/runner/recipe/recipetest"
)

const (
	vitB  = "vit:image=224,patch=16,width=768,depth=12,heads=12,mlp=3072"
	vitTi = "vit:image=224,patch=16,width=192,depth=12,heads=3,mlp=768"
	swinB = "swin:image=224,patch=4,window=7,width=128,depths=2-2-18-2,heads=4-8-16-32"
	swinT = "swin:image=224,patch=4,window=7,width=96,depths=2-2-6-2,heads=3-6-12-24"
)

// TestPublishedRecipes holds every recipe of DTL and DTL+ against the scripts of the official repository, where they are at hand.
func TestPublishedRecipes(t *testing.T) {
	recipetest.CheckPublished(t, "vtab-1k", 2*2*19, func(s recipetest.Script) recipe.Recipe {
		task, err := suite.TaskOf(s["dataset"])
		expect.NoError(t, err)
		architecture := vitB
		if strings.HasPrefix(s["backbone"], "swin") {
			architecture = swinB
		}
		return RecipeOf(task, s["method"], architecture)
	})
}

func TestRecipeOf(t *testing.T) {
	eurosat, _ := suite.TaskOf("eurosat")
	if r := RecipeOf(eurosat, "dtl", vitB); r.LR != 0.008 || r.Epochs != 110 || r.Note != "" {
		t.Errorf("DTL on EuroSAT: %+v", r)
	}
	if r := RecipeOf(eurosat, "dtl", vitTi); r.LR != 0.008 || !strings.Contains(r.Note, recipe.FamilyViT) || !strings.Contains(r.Note, vitTi) {
		t.Errorf("for another ViT the note says whose recipe it is: %+v", r)
	}
	if r := RecipeOf(eurosat, "dtl+", swinB); r.LR != 0.001 || r.Options["rank"] != "4" || r.Options["kernel"] != "5" || r.Note != "" {
		t.Errorf("DTL+ on EuroSAT, Swin-B: %+v", r)
	}
	for _, other := range []string{swinT, "swin:image=224,patch=4,window=7,width=128,depths=2-2-2-2,heads=4-8-16-32", "swin:image=32,patch=4,window=7,width=1280,depths=2,heads=4"} {
		if r := RecipeOf(eurosat, "dtl", other); r.LR != 0.0008 || !strings.Contains(r.Note, recipe.FamilySwin) || !strings.Contains(r.Note, other) {
			t.Errorf("for another Swin the note says whose recipe it is: %+v", r)
		}
	}
	for method, name := range map[string]string{"lora": "petl", "fact-tt": "petl", "linear": "linear", "full": "full", "res-tuning-bypass": "side", "lra": "side"} {
		r := RecipeOf(eurosat, method, vitTi)
		if r.Name != name || r.Note != "" || len(r.Options) != 0 {
			t.Errorf("%s: %+v", method, r)
		}
	}
	// conf/train/default.yaml, optimizer/adamw.yaml, data/base_data.yaml and experiment/vtab/adapter_plus_dim8.yaml of visinf/adapter_plus.
	if r := RecipeOf(eurosat, "adapter+", vitB); r.LR != 1e-3 || r.WeightDecay != 1e-4 || r.DropPath != 0.1 || r.Batch != 64 || r.Epochs != 100 || r.Options["bottleneck"] != "8" {
		t.Errorf("Adapter+: %+v", r)
	}
	// The paper of VQT: 100 epochs, batch 128.
	if r := RecipeOf(eurosat, "vqt", vitB); r.Batch != 128 || r.Epochs != 100 || r.DropPath != 0 || r.Options["queries"] != "1" {
		t.Errorf("VQT: %+v", r)
	}
	// FacT/fact_tt.py and vtab.py: AdamW 1e-3, weight decay 1e-4, drop path 0.1, batch 64, 100 epochs.
	if r := RecipeOf(eurosat, "fact-tt", vitB); r.LR != 1e-3 || r.WeightDecay != 1e-4 || r.DropPath != 0.1 || r.Batch != 64 || r.Epochs != 100 {
		t.Errorf("the rivals' recipe: %+v", r)
	}
	one := RecipeOf(eurosat, "dtl", vitB)
	one.Options["rank"] = "9"
	if RecipeOf(eurosat, "dtl", vitB).Options["rank"] != "2" {
		t.Error("a recipe that is handed out can change the table")
	}
}
