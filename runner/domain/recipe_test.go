package domain

import (
	"encoding/csv"
	"os"
	"strconv"
	"strings"
	"testing"

	"dtl-tf/graph/expect"
	"dtl-tf/graph/need"
	"dtl-tf/runner/finetune"
	"dtl-tf/runner/train"
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
		if cell["benchmark"] != "domain-generalization" {
			continue
		}
		number := func(name string) float64 {
			v, err := strconv.ParseFloat(cell[name], 64)
			expect.NoError(t, err)
			return v
		}
		r := RecipeOf(true, cell["dataset"], cell["method"], vitB.Architecture)
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
	if seen != len(official)*2 {
		t.Errorf("%d recipes, want %d", seen, len(official)*2)
	}
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
