// Package recipetest compares recipes with the scripts that they were published in, for tests.
package recipetest

import (
	"encoding/csv"
	"os"
	"strconv"
	"testing"

	"dtl-tf/graph/expect"
	"dtl-tf/graph/need"
	"dtl-tf/runner/recipe"
	"dtl-tf/runner/train"
)

// Script is a row of the collected scripts of the official repository: its settings by name.
type Script map[string]string

// Number returns a numeric setting.
func (s Script) Number(t *testing.T, name string) float64 {
	t.Helper()
	v, err := strconv.ParseFloat(s[name], 64)
	expect.NoError(t, err)
	return v
}

// CheckPublished holds every recipe of DTL and DTL+ for a benchmark against the collected scripts of the official repository, where they
// are at hand. recipeOf returns the recipe for a script, of which there are want.
func CheckPublished(t *testing.T, benchmark string, want int, recipeOf func(s Script) recipe.Recipe) {
	t.Helper()
	f, err := os.Open(need.Shared(t, "facts", "recipes.csv"))
	expect.NoError(t, err)
	defer f.Close()
	lines, err := csv.NewReader(f).ReadAll()
	expect.NoError(t, err)
	seen := 0
	for _, l := range lines[1:] {
		script := Script{}
		for i, name := range lines[0] {
			script[name] = l[i]
		}
		if script["benchmark"] == benchmark {
			script.check(t, recipeOf(script))
			seen++
		}
	}
	if seen != want {
		t.Errorf("%d recipes, want %d", seen, want)
	}
}

// check compares a recipe with the script.
func (s Script) check(t *testing.T, r recipe.Recipe) {
	t.Helper()
	beta, err := strconv.ParseFloat(r.Options["beta"], 64)
	expect.NoError(t, err)
	kernel := s["kernel"]
	if kernel == "0" { // of DTL, which has none
		kernel = ""
	}
	if r.Name != "published" || r.LR != s.Number(t, "lr") || r.DropPath != s.Number(t, "drop_path") || r.WeightDecay != s.Number(t, "weight_decay") ||
		float64(r.Batch) != s.Number(t, "batch") || r.Options["rank"] != s["rank"] || beta != s.Number(t, "beta") || r.Note != "" ||
		r.Options["kernel"] != kernel {
		t.Errorf("%+v, want %v", r, s)
	}
	// The cool-down comes on top of the scripts' epochs, and the warm-up is among them.
	c, err := train.NewSchedule(train.Cosine, r.Epochs, r.LR)
	if err != nil || float64(r.Epochs-c.Cooldown) != s.Number(t, "epochs") || float64(c.Warmup) != s.Number(t, "warmup_epochs") {
		t.Errorf("%v: %d epochs with a schedule %+v, %v", s, r.Epochs, c, err)
	}
}
