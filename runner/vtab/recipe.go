package vtab

import (
	"bytes"
	_ "embed"
	"encoding/csv"
	"fmt"
	"maps"
	"strings"
	"sync"

	"dtl-tf/runner/internal/suite"
)

// recipes.csv has the recipes by family of backbones, task and method. The first row that matches counts; * matches everything.
//
//   - published: DTL and DTL+ as in the scripts of the official repository, one row per task, for ViT-B/16 and Swin-B. Their
//     "--epochs 100" is followed by ten epochs of cool-down, which epochs includes here, as --epochs does: 110 = 10 of warm-up,
//     90 of cosine, 10 of cool-down.
//   - full: full fine-tuning with AdamW as the SSF repository does it on CIFAR-100 (train_full.sh).
//   - petl: the recipe that NOAH, FacT, Convpass and other papers on parameter-efficient tuning share, for every rival: AdamW,
//     learning rate 1e-3, weight decay 1e-4, batch 64, drop path 0.1, 100 epochs. Some papers also tune the scale of their adapter
//     for each task; this recipe does not. The schedule is this program's cosine over 100 epochs. Images are normalised
//     as the backbone requires, not with ImageNet's mean as in some of those repositories.
//   - linear: petl without stochastic depth, which would only blur the features of a frozen backbone.
//
//go:embed recipes.csv
var recipesFile []byte

// Families of backbones with published recipes.
const (
	familyViT  = "vit-b"
	familySwin = "swin-b"
)

// Recipe holds the settings with which a method is trained on a task.
type Recipe struct {
	Name        string            `json:"name"`             // published, petl, linear or full
	Family      string            `json:"family,omitempty"` // of the backbone that it was tuned for; "" for any
	LR          float64           `json:"lr"`               // peak learning rate
	WeightDecay float64           `json:"weight_decay"`     // AdamW's, decoupled
	DropPath    float64           `json:"drop_path"`        // stochastic depth of the last block
	Epochs      int               `json:"epochs"`           // warm-up and cool-down included
	Batch       int               `json:"batch"`            // images per step
	Options     map[string]string `json:"options,omitempty"`
	Note        string            `json:"note,omitempty"` // the difference from what was published
}

// row is a recipe with the task and method that it is for.
type row struct {
	task, method string
	Recipe
}

var recipes = sync.OnceValue(func() (list []row) {
	lines, err := csv.NewReader(bytes.NewReader(recipesFile)).ReadAll()
	if err != nil {
		panic(fmt.Sprintf("recipes.csv of package vtab: %v", err)) // a test reads the file
	}
	for _, l := range lines[1:] {
		values := Overrides{}
		for i, name := range lines[0][4:9] {
			values[name] = l[4+i]
		}
		for option := range strings.FieldsSeq(l[9]) {
			name, value, _ := strings.Cut(option, "=")
			values[name] = value
		}
		r, err := Recipe{Name: l[0], Family: strings.TrimPrefix(l[1], "*")}.With(values)
		if err != nil {
			panic(fmt.Sprintf("recipes.csv of package vtab: %v", err))
		}
		list = append(list, row{l[2], l[3], r})
	}
	return list
})

// RecipeOf returns the recipe of a method on a task for the backbone of an architecture, such as "vit:image=224,...". A ViT of
// another size gets the recipe of ViT-B and another Swin that of Swin-B, with a note.
func RecipeOf(task suite.Task, method, architecture string) Recipe {
	family, base := familyViT, "image=224,patch=16,width=768,depth=12"
	if strings.HasPrefix(strings.ToLower(architecture), "swin") {
		family, base = familySwin, "image=224,patch=4,window=7,width=128,depths=2-2-18-2,"
	}
	for _, r := range recipes() {
		if (r.task != "*" && r.task != task.Folder) || (r.method != "*" && r.method != method) || (r.Family != "" && r.Family != family) {
			continue
		}
		recipe := r.Recipe
		recipe.Options = maps.Clone(r.Options)
		if recipe.Family != "" && !strings.Contains(architecture, base) {
			recipe.Note = fmt.Sprintf("tuned for %s, used for %s", recipe.Family, architecture)
		}
		return recipe
	}
	panic("recipes.csv of package vtab has no row for every method") // its last row is
}
