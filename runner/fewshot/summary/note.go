package summary

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"dtl-tf/graph/spell"
	"dtl-tf/runner/data"
	"dtl-tf/runner/fewshot"
	"dtl-tf/runner/internal/published"
	"dtl-tf/runner/report"
	"dtl-tf/runner/sweep"
)

// maxCells is how many cells a note lists.
const maxCells = 8

// describe writes the caption.
func (t *Table) describe(cells []source) {
	if len(cells) == 0 {
		return
	}
	seeds := distinct(cells, func(c source) uint64 { return c.Seed })
	text := fmt.Sprintf("Top-1 accuracy on the test images in percent, split seed %d", seeds[0])
	if len(seeds) > 1 {
		text = fmt.Sprintf("Top-1 accuracy on the test images in percent: mean and sample standard deviation over the split seeds %s", join(seeds))
	}
	t.Caption = append(t.Caption, text+".")
	if n := t.ofExperiment(); n > 0 && len(t.sets()) > 1 && (n < len(fewshot.Sets()) || n < len(t.sets())) {
		t.Caption = append(t.Caption, fmt.Sprintf("The mean is over %d of the %d data sets of the experiment%s: it is not the one that papers print.",
			n, len(fewshot.Sets()), others(len(t.sets())-n)))
	}
	if i := slices.IndexFunc(cells, func(c source) bool { return c.Usable() == nil }); i >= 0 { // all have the same, see CheckOrigin
		b := cells[i].Run.Backbone
		t.Caption = append(t.Caption, fmt.Sprintf("Backbone: %s, %s, sha256 %.12s.", sweep.BackboneFile(b), b.Architecture, b.SHA256))
	}
	protocols := map[string][]string{} // cells by what they should have in common
	for _, c := range cells {
		if c.Usable() == nil {
			key := protocol(c)
			protocols[key] = append(protocols[key], c.Key())
		}
	}
	switch len(protocols) {
	case 0:
	case 1:
		for key := range protocols {
			t.Caption = append(t.Caption, "Protocol: "+key+".")
		}
	default:
		t.Notes = append(t.Notes, "The cells have different protocols: "+sweep.ListSets(protocols, func(key string) string { return key })+".")
	}
}

// others says that a mean has other data sets too.
func others(n int) string {
	if n == 0 {
		return ""
	}
	return " and " + report.Count(n, "other data set")
}

// ofExperiment counts the data sets of the experiment among the columns.
func (t Table) ofExperiment() (n int) {
	for _, s := range fewshot.Sets() {
		if slices.Contains(t.sets(), s.Folder) {
			n++
		}
	}
	return n
}

// protocol describes what should be the same in all cells.
func protocol(c source) string {
	var config struct {
		Augment     string `json:"augment"`
		Views       int    `json:"views"`
		Seed        uint64 `json:"seed"`
		SelectEvery int    `json:"select_every"`
	}
	if err := json.Unmarshal(c.Run.Config, &config); err != nil {
		return "not recorded"
	}
	text := fmt.Sprintf("augmentation %s", config.Augment)
	if config.Views > 0 {
		text += fmt.Sprintf(" in %d views of each image", config.Views)
	}
	if a := c.Run.Accuracy; a.Resize > 0 {
		text += fmt.Sprintf("; test images scaled to %d x %d, of which the centre of %d x %d", a.Resize, a.Resize, a.Crop, a.Crop)
	}
	return text + fmt.Sprintf("; training seed %d; %s", config.Seed, selectionOf(c, config.SelectEvery))
}

// explain adds the notes: settings of each method, failures, and what is missing.
func (t *Table) explain(cells []source) {
	for _, method := range methods(cells) {
		settings := map[string][]string{} // cells by their settings
		for _, c := range cells {
			if c.Method != method || c.Usable() != nil {
				continue
			}
			key := c.trainedWith()
			settings[key] = append(settings[key], fmt.Sprintf("%s %d-shot split %d", c.Set, c.Shots, c.Seed))
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
	smaller := slices.ContainsFunc(cells, func(c source) bool {
		if c.Usable() != nil {
			return false
		}
		asked, err := c.Recipe.With(c.Overrides)
		return err == nil && c.trained() > 0 && asked.Batch > c.trained()
	})
	if smaller {
		t.Notes = append(t.Notes, "Where there are fewer training images than a batch, all of them are one batch.")
	}
	t.explainMissing(cells)
}

// trainedWith is the Outcome's Settings without the note of the accuracy, which the caption has in full, and with the batch of the
// recipe: one larger than all training images is no other setting.
func (s source) trainedWith() string {
	text, _, _ := strings.Cut(s.Settings(), ", accuracy ")
	if asked, err := s.Recipe.With(s.Overrides); err == nil && asked.Batch > s.trained() {
		text = strings.Replace(text, fmt.Sprintf("batch %d", s.trained()), fmt.Sprintf("batch %d", asked.Batch), 1)
	}
	return text
}

// trained is the number of training images.
func (s source) trained() int { return s.Run.Data.Counts[data.Train] }

// explainMissing names the cells without an accuracy, among all combinations of what other cells have.
func (t *Table) explainMissing(cells []source) {
	index := map[string]source{}
	for _, c := range cells {
		index[c.Key()] = c
	}
	seeds, total := distinct(cells, func(c source) uint64 { return c.Seed }), 0
	reasons := map[string][]string{} // failed cells by their reasons
	for _, set := range t.sets() {
		for _, shots := range distinct(cells, func(c source) int { return c.Shots }) {
			for _, method := range methods(cells) {
				for _, seed := range seeds {
					total++
					key := fewshot.Key(set, shots, method, seed)
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
	}
	for _, reason := range slices.Sorted(maps.Keys(reasons)) {
		t.Notes = append(t.Notes, fmt.Sprintf("Failed: %s: %s", spell.Few(reasons[reason], maxCells), reason))
	}
	if n := len(t.Missing); n > 0 {
		t.Notes = append(t.Notes, fmt.Sprintf("Missing, %d of %d cells: %s. A mean is over the splits that there are; an average lacks none of its data sets.", n, total, spell.Few(t.Missing, maxCells)))
	}
}

// join formats seeds as "0, 1".
func join(seeds []uint64) string {
	return strings.Trim(strings.ReplaceAll(fmt.Sprint(seeds), " ", ", "), "[]")
}
