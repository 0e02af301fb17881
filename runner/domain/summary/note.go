package summary

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"dtl-tf/graph/spell"
	"dtl-tf/runner/domain"
	"dtl-tf/runner/internal/published"
	"dtl-tf/runner/report"
	"dtl-tf/runner/sweep"
)

// maxCells is how many cells a note lists.
const maxCells = 8

// The protocols. A table is of one.
const (
	oneForAll  = "One training for all targets: each model was trained on %s, with one recipe, and tested on all domains."
	onePerEach = "One training for each target, with the learning rate that was published for this target: the columns of a row are of different models, each tuned for the column."
)

// describe writes the caption.
func (t *Table) describe(cells []source, mask bool) {
	seeds := distinct(cells, func(c source) uint64 { return c.Seed })
	text := fmt.Sprintf("Top-1 accuracy in percent, seed %d", seeds[0])
	if len(seeds) > 1 {
		text = fmt.Sprintf("Top-1 accuracy in percent: mean and sample standard deviation over the seeds %s", join(seeds))
	}
	protocol := fmt.Sprintf(oneForAll, cells[0].Source)
	if t.PerTarget {
		protocol = onePerEach
	}
	t.Caption = append(t.Caption, text+".", protocol)
	i := slices.IndexFunc(cells, func(c source) bool { return c.Usable() == nil })
	if i < 0 {
		return
	}
	b := cells[i].Run.Backbone // all have the same, see sweep.CheckOrigin
	t.Caption = append(t.Caption, fmt.Sprintf("Backbone: %s, %s, sha256 %.12s.", sweep.BackboneFile(b), b.Architecture, b.SHA256))
	protocols := map[string][]string{} // cells by what they should have in common
	for _, c := range cells {
		if c.Usable() == nil {
			key := transforms(c)
			protocols[key] = append(protocols[key], c.Key())
		}
	}
	if len(protocols) == 1 {
		for key := range protocols {
			t.Caption = append(t.Caption, "Training and test: "+key+".")
		}
	} else {
		t.Notes = append(t.Notes, "The cells have different settings: "+sweep.ListSets(protocols, func(key string) string { return key })+".")
	}
	if parts := partial(cells); parts != "" {
		text := "Targets with images of a part of the classes: " + parts + ". Answers may be any class, as in the official code"
		if mask {
			text += "; in masked rows only the logits of the target's own classes count"
		} else {
			text += " (--mask adds rows in which only the target's own classes count)"
		}
		t.Caption = append(t.Caption, text+".")
	} else if mask {
		t.Caption = append(t.Caption, "The targets have images of all classes, so masked rows are equal to the others.")
	}
}

// transforms describes what should be the same in all cells.
func transforms(c source) string {
	var config struct {
		Augment string `json:"augment"`
		Views   int    `json:"views"`
		Resize  int    `json:"test_resize"`
		Crop    int    `json:"test_crop"`
	}
	if err := json.Unmarshal(c.Run.Config, &config); err != nil {
		return "not recorded"
	}
	text := "augmentation " + config.Augment
	if config.Views > 0 {
		text += fmt.Sprintf(" in %d views of each image", config.Views)
	}
	if config.Resize > 0 {
		text += fmt.Sprintf("; test images scaled to %d x %d, of which the centre of %d x %d", config.Resize, config.Resize, config.Crop, config.Crop)
	}
	return text + "; the weights after the last epoch"
}

// partial lists the targets that lack classes of the source, with their numbers of classes.
func partial(cells []source) string {
	list := map[string]bool{}
	var ordered []string
	for _, c := range cells {
		if c.Usable() != nil {
			continue
		}
		for _, t := range c.Run.Targets {
			text := fmt.Sprintf("%s %d of %d", t.Name, t.Classes, c.Run.Data.Classes)
			if t.Classes < c.Run.Data.Classes && !list[text] {
				list[text] = true
				ordered = append(ordered, text)
			}
		}
	}
	return strings.Join(ordered, ", ")
}

// explain adds the notes: settings of each method, failures, and what is missing.
func (t *Table) explain(cells []source) {
	for _, method := range methods(cells) {
		settings := map[string][]string{} // cells by their settings
		for _, c := range cells {
			if c.Method != method || c.Usable() != nil {
				continue
			}
			key := c.Settings()
			settings[key] = append(settings[key], c.Key())
			if n := c.Run.Data.Skipped; n > 0 {
				t.Notes = append(t.Notes, fmt.Sprintf("%s: %s left out.", c.Key(), report.Count(n, "unreadable image")))
			}
		}
		name := published.Of(method).Name
		switch len(settings) {
		case 0:
		case 1:
			for key := range settings {
				t.Notes = append(t.Notes, fmt.Sprintf("%s: trained with %s.", name, key))
			}
		default:
			t.Notes = append(t.Notes, fmt.Sprintf("%s: its cells were trained differently: %s.", name, sweep.ListSets(settings, func(key string) string { return key })))
		}
	}
	t.explainMissing(cells)
	t.explainEmpty(cells)
}

// explainMissing names the cells without an accuracy, among all combinations of what other cells have.
func (t *Table) explainMissing(cells []source) {
	index := map[string]source{}
	for _, c := range cells {
		index[c.Key()] = c
	}
	total := 0
	reasons := map[string][]string{} // failed cells by their reasons
	for _, target := range distinct(cells, func(c source) string { return c.Target }) {
		for _, method := range methods(cells) {
			for _, seed := range distinct(cells, func(c source) uint64 { return c.Seed }) {
				total++
				key := domain.Cell{Source: cells[0].Source, Target: target, Method: method, Seed: seed}.Key()
				c, ok := index[key]
				if !ok {
					t.Missing = append(t.Missing, key)
				} else if err := c.Usable(); err != nil {
					t.Missing = append(t.Missing, key)
					reason := strings.Join(strings.Fields(err.Error()), " ")
					reasons[reason] = append(reasons[reason], key)
				}
			}
		}
	}
	for _, reason := range slices.Sorted(maps.Keys(reasons)) {
		t.Notes = append(t.Notes, fmt.Sprintf("Failed: %s: %s", spell.Few(reasons[reason], maxCells), reason))
	}
	if n := len(t.Missing); n > 0 {
		t.Notes = append(t.Notes, fmt.Sprintf("Missing, %d of %d cells: %s. A mean is over the seeds that there are; a mean of targets lacks none of them.", n, total, spell.Few(t.Missing, maxCells)))
	}
}

// explainEmpty names the domains on which a method was not tested with some of its seeds, though it was trained.
func (t *Table) explainEmpty(cells []source) {
	for _, column := range t.Columns {
		if column.Kind == KindMean {
			continue
		}
		var untested []string
		for _, c := range cells {
			if c.Usable() == nil && (c.Target == "" || c.Target == column.Key) && !tested(c, column.Key) {
				untested = append(untested, c.Key())
			}
		}
		if len(untested) > 0 {
			t.Notes = append(t.Notes, fmt.Sprintf("Not tested on %s: %s.", column.Key, spell.Few(untested, maxCells)))
		}
	}
}

// tested reports whether a cell has an accuracy on a domain.
func tested(c source, domain string) bool {
	if domain == c.Source {
		return c.Run.Accuracy != nil
	}
	for _, t := range c.Run.Targets {
		if t.Name == domain {
			return true
		}
	}
	return false
}

// join formats seeds as "0, 1".
func join(seeds []uint64) string {
	return strings.Trim(strings.ReplaceAll(fmt.Sprint(seeds), " ", ", "), "[]")
}
