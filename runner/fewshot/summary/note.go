package summary

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"dtl-tf/runner/data"
	"dtl-tf/runner/fewshot"
	"dtl-tf/runner/report"
	"dtl-tf/runner/sweep/tabulate"
)

// describe writes the caption.
func (t *Table) describe(cells []source) {
	if len(cells) == 0 {
		return
	}
	t.Caption = append(t.Caption, tabulate.ScoresOver("Top-1 accuracy on the test images in percent", "split seed", tabulate.Seeds(cells)))
	if n := t.ofExperiment(); n > 0 && len(t.sets()) > 1 && (n < len(fewshot.Sets()) || n < len(t.sets())) {
		t.Caption = append(t.Caption, fmt.Sprintf("The mean is over %d of the %d data sets of the experiment%s: it is not the one that papers print.",
			n, len(fewshot.Sets()), others(len(t.sets())-n)))
	}
	if text, ok := tabulate.BackboneOf(cells); ok {
		t.Caption = append(t.Caption, text)
	}
	protocols := tabulate.GroupAlike(cells, protocol, source.Key)
	if common, ok := protocols.Common(); ok {
		t.Caption = append(t.Caption, "Protocol: "+common+".")
	} else if len(protocols) > 0 {
		t.Notes = append(t.Notes, fmt.Sprintf("The cells have different protocols: %s.", protocols))
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
	text := tabulate.Transforms(config.Augment, config.Views, c.Run.Accuracy.Resize, c.Run.Accuracy.Crop)
	return text + fmt.Sprintf("; training seed %d; %s", config.Seed, selectionOf(c, config.SelectEvery))
}

// explain adds the notes: settings of each method, where the images are from, failures, and what is missing.
func (t *Table) explain(cells []source) {
	ofMethod := func(c source) string { return fmt.Sprintf("%s %d-shot split %d", c.Set, c.Shots, c.Seed) }
	t.Notes = append(t.Notes, tabulate.Trainings(cells, source.trainedWith, ofMethod)...)
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
	for _, c := range cells {
		if c.Usable() == nil && c.Run.Accuracy.Doubt != "" {
			t.Notes = append(t.Notes, fmt.Sprintf("%s %s seems to have learnt nothing: %s.", c.Method, ofMethod(c), c.Run.Accuracy.Doubt))
		}
	}
	t.Notes = append(t.Notes, tabulate.Origins(cells, func(c source) string { return c.Set })...)
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
	var keys []string
	for _, set := range t.sets() {
		for _, shots := range tabulate.Distinct(cells, func(c source) int { return c.Shots }) {
			for _, method := range tabulate.Methods(cells) {
				for _, seed := range tabulate.Seeds(cells) {
					keys = append(keys, fewshot.Key(set, shots, method, seed))
				}
			}
		}
	}
	missing, notes := tabulate.Missing(cells, keys, "A mean is over the splits that there are; an average lacks none of its data sets.")
	t.Missing, t.Notes = missing, append(t.Notes, notes...)
}
