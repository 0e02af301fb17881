package vtab

import (
	"bytes"
	_ "embed"
	"encoding/csv"
	"fmt"
	"maps"
	"strconv"
	"strings"
	"sync"

	"dtl-tf/runner/suite"
)

// recipes.csv has what each task is trained with. The first row that fits counts; * fits everything.
//
//   - published: DTL and DTL+ from the official repository's scripts, a row a task, for ViT-B/16 and Swin-B. Their
//     "--epochs 100" is followed by ten epochs of cool-down; epochs counts those too, as this program's --epochs does:
//     110 = 10 of warm-up, 90 of cosine, 10 of cool-down.
//   - full: full fine-tuning with AdamW as the SSF repository does it on CIFAR-100 (train_full.sh).
//   - petl: the common recipe of the papers on parameter-efficient tuning, for every rival: AdamW, learning rate 1e-3,
//     weight decay 1e-4, batch 64, drop path 0.1, 100 epochs. NOAH, FacT, Convpass and others share it; some tune the
//     scale of their adapter for each task, which this does not. The schedule is this program's cosine over 100
//     epochs. Images are normalised as the backbone says, not with ImageNet's mean as in some of those repositories.
//   - linear: petl without stochastic depth, which would only blur the features of a frozen backbone.
//
//go:embed recipes.csv
var recipesFile []byte

// Families of backbones that recipes were published for.
const (
	ViTB  = "vit-b"
	SwinB = "swin-b"
)

// Recipe is what one method is trained with on one task.
type Recipe struct {
	Name        string            `json:"name"`             // published, petl, linear or full
	Family      string            `json:"family,omitempty"` // of the backbone that it was tuned for; "" for any
	LR          float64           `json:"lr"`               // peak learning rate
	WeightDecay float64           `json:"weight_decay"`     // AdamW's, decoupled
	DropPath    float64           `json:"drop_path"`        // stochastic depth of the last block
	Epochs      int               `json:"epochs"`           // all of them, warm-up and cool-down included
	Batch       int               `json:"batch"`            // images in a step
	Options     map[string]string `json:"options,omitempty"`
	Note        string            `json:"note,omitempty"` // how it departs from what was published
}

// row is a recipe and what it is for.
type row struct {
	task, method string
	Recipe
}

var recipes = sync.OnceValue(func() []row {
	list, err := readRecipes(recipesFile)
	if err != nil {
		panic(fmt.Sprintf("recipes.csv of package vtab: %v", err)) // a test reads the file
	}
	return list
})

func readRecipes(file []byte) ([]row, error) {
	lines, err := csv.NewReader(bytes.NewReader(file)).ReadAll()
	if err != nil {
		return nil, err
	}
	var list []row
	for i, l := range lines[1:] {
		r := row{task: l[2], method: l[3], Recipe: Recipe{Name: l[0], Family: l[1], Options: map[string]string{}}}
		if r.Family == "*" {
			r.Family = ""
		}
		for j, into := range []*float64{&r.LR, &r.WeightDecay, &r.DropPath} {
			if *into, err = strconv.ParseFloat(l[4+j], 64); err != nil {
				return nil, fmt.Errorf("row %d: %w", i+1, err)
			}
		}
		for j, into := range []*int{&r.Epochs, &r.Batch} {
			if *into, err = strconv.Atoi(l[7+j]); err != nil {
				return nil, fmt.Errorf("row %d: %w", i+1, err)
			}
		}
		for _, option := range strings.Fields(l[9]) {
			name, value, _ := strings.Cut(option, "=")
			r.Options[name] = value
		}
		list = append(list, r)
	}
	return list, nil
}

// RecipeOf is the recipe of a method on a task for a backbone, which is given as its architecture is written, such as
// "vit:image=224,...". A ViT of another size gets the recipe of ViT-B, another Swin that of Swin-B, and the note says
// so.
func RecipeOf(task suite.Task, method, architecture string) Recipe {
	family := ViTB
	if strings.HasPrefix(strings.ToLower(architecture), "swin") {
		family = SwinB
	}
	for _, r := range recipes() {
		fits := (r.task == "*" || r.task == task.Folder) && (r.method == "*" || r.method == method) && (r.Family == "" || r.Family == family)
		if !fits {
			continue
		}
		found := r.Recipe
		found.Options = maps.Clone(r.Options)
		if found.Family != "" && !isBase(architecture, family) {
			found.Note = fmt.Sprintf("tuned for %s, used for %s", found.Family, architecture)
		}
		return found
	}
	panic("recipes.csv of package vtab has no row for every method") // its last row is
}

// isBase tells whether an architecture is the one that a family's recipes were tuned for.
func isBase(architecture, family string) bool {
	switch family {
	case ViTB:
		return strings.Contains(architecture, "image=224,patch=16,width=768,depth=12")
	default:
		return strings.Contains(architecture, "width=128")
	}
}
