// Package recipe has the settings with which a method is trained on a data set, as papers publish them, and what users override in
// them. Each benchmark has a table of its own recipes.
package recipe

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"maps"
	"strings"
)

// Families of backbones that recipes were tuned for.
const (
	FamilyViT  = "vit-b"
	FamilySwin = "swin-b"
)

// Recipe holds the settings with which a method is trained on a data set.
type Recipe struct {
	Name        string            `json:"name"`             // such as published, petl, linear or full
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

// Table has the recipes of a benchmark by family of backbones, task and method. The first row that matches counts.
type Table []row

// anything matches every family, task or method.
const anything = "*"

// ReadTable reads a table of the columns name, family, task, method, lr, weight_decay, drop_path, epochs, batch and options, which
// are separated by blanks. A star matches everything; the last row must match everything.
func ReadTable(content []byte) (t Table, err error) {
	lines, err := csv.NewReader(bytes.NewReader(content)).ReadAll()
	if err != nil {
		return nil, fmt.Errorf("recipes: %w", err)
	}
	const first, end, options = 4, 9, 9 // columns of numbers, and the column of options
	for i, l := range lines[1:] {
		values := Overrides{}
		for j, name := range lines[0][first:end] {
			values[name] = l[first+j]
		}
		for option := range strings.FieldsSeq(l[options]) {
			name, value, _ := strings.Cut(option, "=")
			values[name] = value
		}
		r, err := Recipe{Name: l[0], Family: strings.TrimPrefix(l[1], anything)}.With(values)
		if err != nil {
			return nil, fmt.Errorf("recipes line %d: %w", i+2, err)
		}
		t = append(t, row{l[2], l[3], r})
	}
	if len(t) == 0 {
		return nil, errors.New("recipes: the table is empty")
	}
	if last := t[len(t)-1]; last.task != anything || last.method != anything || last.Family != "" {
		return nil, fmt.Errorf("recipes: the last row is for %s %s %s, and must be for everything", last.Family, last.task, last.method)
	}
	return t, nil
}

// Embedded is [ReadTable] for a table within the program, which its tests read: it panics on a mistake.
func Embedded(content []byte) Table {
	t, err := ReadTable(content)
	if err != nil {
		panic(err)
	}
	return t
}

// Of returns the recipe of a method on a task for the backbone of an architecture, such as "vit:image=224,...". A ViT of another
// size gets the recipe of ViT-B and another Swin that of Swin-B, with a note.
func (t Table) Of(task, method, architecture string) Recipe {
	family, base := FamilyViT, "image=224,patch=16,width=768,depth=12"
	if strings.HasPrefix(strings.ToLower(architecture), "swin") {
		family, base = FamilySwin, "image=224,patch=4,window=7,width=128,depths=2-2-18-2,"
	}
	for _, r := range t {
		if (r.task != anything && r.task != task) || (r.method != anything && r.method != method) || (r.Family != "" && r.Family != family) {
			continue
		}
		recipe := r.Recipe
		recipe.Options = maps.Clone(r.Options)
		if recipe.Family != "" && !strings.Contains(architecture, base) {
			recipe.Note = fmt.Sprintf("tuned for %s, used for %s", recipe.Family, architecture)
		}
		return recipe
	}
	panic("a table of recipes has no row for every method") // ReadTable checks that
}
