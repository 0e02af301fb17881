package fewshot

import (
	"encoding/csv"
	"os"
	"strconv"
	"strings"
	"testing"

	"dtl-tf/dtl"
	"dtl-tf/graph/expect"
	"dtl-tf/graph/need"
	"dtl-tf/runner/train"
)

const (
	vitB  = "vit:image=224,patch=16,width=768,depth=12,heads=12,mlp=3072"
	swinB = "swin:image=224,patch=4,window=7,width=128,depths=2-2-18-2,heads=4-8-16-32"
)

// TestPublishedRecipes holds every recipe of DTL and DTL+ against the collected scripts of the official repository, where they are
// at hand.
func TestPublishedRecipes(t *testing.T) {
	f, err := os.Open(need.Shared(t, "facts", "recipes.csv"))
	expect.NoError(t, err)
	defer f.Close()
	lines, err := csv.NewReader(f).ReadAll()
	expect.NoError(t, err)
	seen := 0
	for _, l := range lines[1:] {
		cell := map[string]string{}
		for i, name := range lines[0] {
			cell[name] = l[i]
		}
		if cell["benchmark"] != "few-shot" {
			continue
		}
		number := func(name string) float64 {
			v, err := strconv.ParseFloat(cell[name], 64)
			expect.NoError(t, err)
			return v
		}
		r := RecipeOf(cell["dataset"], int(number("shots")), cell["method"], vitB)
		beta, err := strconv.ParseFloat(r.Options["beta"], 64)
		expect.NoError(t, err)
		if r.Name != "published" || r.LR != number("lr") || r.DropPath != number("drop_path") || r.WeightDecay != number("weight_decay") ||
			float64(r.Batch) != number("batch") || r.Options["rank"] != cell["rank"] || beta != number("beta") || r.Note != "" ||
			r.Options["kernel"] != strings.TrimPrefix(cell["kernel"], "0") {
			t.Errorf("%+v, want %v", r, l)
		}
		// The cool-down comes on top of the scripts' epochs, and the warm-up is among them.
		s, err := train.NewSchedule(train.Cosine, r.Epochs, r.LR)
		if err != nil || float64(r.Epochs-s.Cooldown) != number("epochs") || float64(s.Warmup) != number("warmup_epochs") {
			t.Errorf("%v: %d epochs with a schedule %+v, %v", l, r.Epochs, s, err)
		}
		seen++
	}
	if seen != 5*5*2 {
		t.Errorf("%d recipes, want 50", seen)
	}
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
