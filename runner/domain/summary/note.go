package summary

import (
	"encoding/json"
	"fmt"
	"strings"

	"dtl-tf/runner/domain"
	"dtl-tf/runner/sweep/tabulate"
)

// The protocols. A table is of one.
const (
	oneForAll  = "One training for all targets: each model was trained on %s, with one recipe, and tested on all domains."
	onePerEach = "One training for each target, with the learning rate that was published for this target: the columns of a row are of different models, each tuned for the column."
)

// describe writes the caption.
func (t *Table) describe(cells []source, mask bool) {
	protocol := fmt.Sprintf(oneForAll, cells[0].Source)
	if t.PerTarget {
		protocol = onePerEach
	}
	t.Caption = append(t.Caption, tabulate.ScoresOver("Top-1 accuracy in percent", "seed", tabulate.Seeds(cells)), protocol)
	backbone, ok := tabulate.BackboneOf(cells)
	if !ok {
		return
	}
	t.Caption = append(t.Caption, backbone)
	settings := tabulate.GroupAlike(cells, transforms, source.Key)
	if common, ok := settings.Common(); ok {
		t.Caption = append(t.Caption, "Training and test: "+common+".")
	} else {
		t.Notes = append(t.Notes, fmt.Sprintf("The cells have different settings: %s.", settings))
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
	return tabulate.Transforms(config.Augment, config.Views, config.Resize, config.Crop) + "; the weights after the last epoch"
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
	t.Notes = append(t.Notes, tabulate.Trainings(cells, func(c source) string { return c.Settings() }, source.Key)...)
	t.explainMissing(cells)
	t.explainEmpty(cells)
	t.explainDoubts(cells)
}

// explainDoubts names the cells whose classifier seems to know nothing about the images of a domain.
func (t *Table) explainDoubts(cells []source) {
	for _, c := range cells {
		if c.Usable() != nil {
			continue
		}
		doubt := func(domain, why string) {
			if why != "" {
				t.Notes = append(t.Notes, fmt.Sprintf("%s seems to know nothing about the images of %s: %s.", c.Key(), domain, why))
			}
		}
		if a := c.Run.Accuracy; a != nil {
			doubt(c.Source, a.Doubt)
		}
		for _, target := range c.Run.Targets {
			doubt(target.Name, target.Doubt)
		}
	}
}

// explainMissing names the cells without an accuracy, among all combinations of what other cells have.
func (t *Table) explainMissing(cells []source) {
	var keys []string
	for _, target := range tabulate.Distinct(cells, func(c source) string { return c.Target }) {
		for _, method := range tabulate.Methods(cells) {
			for _, seed := range tabulate.Seeds(cells) {
				keys = append(keys, domain.Cell{Source: cells[0].Source, Target: target, Method: method, Seed: seed}.Key())
			}
		}
	}
	missing, notes := tabulate.Missing(cells, keys, "A mean is over the seeds that there are; a mean of targets lacks none of them.")
	t.Missing, t.Notes = missing, append(t.Notes, notes...)
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
			t.Notes = append(t.Notes, fmt.Sprintf("Not tested on %s: %s.", column.Key, tabulate.FewCells(untested)))
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
