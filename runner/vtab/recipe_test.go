package vtab

import (
	"encoding/csv"
	"os"
	"strconv"
	"strings"
	"testing"

	"dtl-tf/graph/need"
	"dtl-tf/runner/internal/suite"
	"dtl-tf/runner/recipe"
	"dtl-tf/runner/train"
)

const (
	vitB  = "vit:image=224,patch=16,width=768,depth=12,heads=12,mlp=3072"
	vitTi = "vit:image=224,patch=16,width=192,depth=12,heads=3,mlp=768"
	swinB = "swin:image=224,patch=4,window=7,width=128,depths=2-2-18-2,heads=4-8-16-32"
	swinT = "swin:image=224,patch=4,window=7,width=96,depths=2-2-6-2,heads=3-6-12-24"
)

// TestPublishedRecipes holds every recipe of DTL and DTL+ against the collected scripts of the official repository, where
// they are at hand.
func TestPublishedRecipes(t *testing.T) {
	f, err := os.Open(need.Shared(t, "facts", "recipes.csv"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lines, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	number := func(text string) float64 {
		v, err := strconv.ParseFloat(text, 64)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	seen := 0
	for _, l := range lines[1:] {
		cell := map[string]string{}
		for i, name := range lines[0] {
			cell[name] = l[i]
		}
		if cell["benchmark"] != "vtab-1k" {
			continue
		}
		task, err := suite.TaskOf(cell["dataset"])
		if err != nil {
			t.Error(err)
			continue
		}
		architecture := vitB
		if strings.HasPrefix(cell["backbone"], "swin") {
			architecture = swinB
		}
		r := RecipeOf(task, cell["method"], architecture)
		if r.Name != "published" || r.LR != number(cell["lr"]) || r.DropPath != number(cell["drop_path"]) ||
			r.WeightDecay != number(cell["weight_decay"]) || float64(r.Batch) != number(cell["batch"]) ||
			r.Options["rank"] != cell["rank"] || number(r.Options["beta"]) != number(cell["beta"]) || r.Note != "" {
			t.Errorf("%s %s on %s: %+v, want %v", task.Folder, cell["method"], cell["backbone"], r, l)
		}
		if kernel := r.Options["kernel"]; kernel != strings.TrimPrefix(cell["kernel"], "0") {
			t.Errorf("%s %s: kernel %q, want %s", task.Folder, cell["method"], kernel, cell["kernel"])
		}
		// The cool-down comes on top of the scripts' epochs, and the warm-up is among them.
		s, err := train.NewSchedule(train.Cosine, r.Epochs, r.LR)
		if err != nil || float64(r.Epochs-s.Cooldown) != number(cell["epochs"]) || float64(s.Warmup) != number(cell["warmup_epochs"]) {
			t.Errorf("%s %s: %d epochs with a schedule %+v, %v", task.Folder, cell["method"], r.Epochs, s, err)
		}
		seen++
	}
	if seen != 2*2*19 {
		t.Errorf("%d recipes, want 76", seen)
	}
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
	for method, name := range map[string]string{"lora": "petl", "fact-tt": "petl", "linear": "linear", "full": "full"} {
		r := RecipeOf(eurosat, method, vitTi)
		if r.Name != name || r.Note != "" || len(r.Options) != 0 {
			t.Errorf("%s: %+v", method, r)
		}
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
