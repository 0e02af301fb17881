package summary

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"dtl-tf/runner/internal/published"
	"dtl-tf/runner/internal/suite"
	"dtl-tf/runner/report"
	"dtl-tf/runner/result"
	"dtl-tf/runner/sweep/tabulate"
)

// footnote returns the number of a footnote; equal texts share a number.
func (t *Table) footnote(format string, args ...any) int {
	text := fmt.Sprintf(format, args...)
	if i := slices.IndexFunc(t.Footnotes, func(f Footnote) bool { return f.Text == text }); i >= 0 {
		return t.Footnotes[i].Number
	}
	t.Footnotes = append(t.Footnotes, Footnote{len(t.Footnotes) + 1, text})
	return len(t.Footnotes)
}

// annotate adds a footnote to a row.
func (t *Table) annotate(r *Row, format string, args ...any) {
	if n := t.footnote(format, args...); !slices.Contains(r.Notes, n) {
		r.Notes = append(r.Notes, n)
	}
}

// annotateEmpty adds a footnote to a cell without a score.
func (t *Table) annotateEmpty(r *Row, column, format string, args ...any) {
	if r.Empty == nil {
		r.Empty = map[string]int{}
	}
	r.Empty[column] = t.footnote(format, args...)
}

// explain adds the footnotes of a measured row.
func (t *Table) explain(r *Row, cells []source) {
	t.explainSettings(r, cells)
	if p := r.Parameters; p != nil && p.Least != p.Most {
		t.annotate(r, "%s: the parameters are the mean over the tasks, which have %s to %s.", r.Name, report.Thousands(p.Least), report.Thousands(p.Most))
	}
	t.explainSeeds(r)
	for _, f := range r.Failed {
		if _, ok := r.Scores[f.Task]; ok {
			t.annotate(r, "%s: %s seed %d failed and is left out: %s", r.Name, f.Task, f.Seed, tabulate.OneLine(f.Reason))
		} else if r.Empty[f.Task] == 0 {
			t.annotateEmpty(r, f.Task, "%s: %s failed (%s): %s", r.Name, f.Task, seedsOf(r.Failed, f.Task), tabulate.OneLine(f.Reason))
		}
	}
	for _, c := range cells {
		if a := c.Run.Accuracy; a.Doubt != "" {
			t.annotate(r, "%s: %s seed %d seems to have learnt nothing: %s.", r.Name, c.Task, c.Seed, a.Doubt)
		}
		if n := c.Run.Data.Skipped; n > 0 {
			t.annotate(r, "%s: %s seed %d: %s left out.", r.Name, c.Task, c.Seed, report.Count(n, "unreadable image"))
		}
	}
	for _, note := range tabulate.Origins(cells, func(c source) string { return c.Task }) {
		t.annotate(r, "%s", note)
	}
	t.explainMissing(r)
	slices.Sort(r.Notes)
}

// explainMissing names the tasks for whose lack averages are missing.
func (t *Table) explainMissing(r *Row) {
	missing := slices.DeleteFunc(suite.Folders(), func(task string) bool {
		_, ok := r.Scores[task]
		return ok
	})
	for _, a := range averages() {
		if _, ok := r.Scores[a.key]; !ok {
			t.annotateEmpty(r, a.key, "No average, since these tasks have no result: %s.", strings.Join(missing, ", "))
		}
	}
}

func seedsOf(failed []Failure, task string) string {
	var seeds []string
	for _, f := range failed {
		if f.Task == task {
			seeds = append(seeds, fmt.Sprint(f.Seed))
		}
	}
	return report.Plural(len(seeds), "seed") + " " + strings.Join(seeds, ", ")
}

// explainSeeds states the seeds of a row if they differ between rows or tasks.
func (t *Table) explainSeeds(r *Row) {
	tasks := tabulate.Alike{} // by their seeds
	for _, task := range suite.Folders() {
		if s, ok := r.Scores[task]; ok {
			seeds := tabulate.JoinSeeds(slices.Sorted(maps.Keys(s.Seeds)))
			tasks[seeds] = append(tasks[seeds], task)
		}
	}
	switch {
	case len(tasks) > 1:
		parts := tasks.List(func(seeds string) string { return fmt.Sprintf("n = %d (%s)", number(seeds), seeds) })
		t.annotate(r, "%s: the tasks have different seeds, so an average over them has no deviation: %s.", r.Name, parts)
	case t.mixedSeeds:
		for seeds := range tasks {
			t.annotate(r, "n = %d (%s %s).", number(seeds), report.Plural(number(seeds), "seed"), seeds)
		}
	}
}

// explainSettings states the settings of a row, by cell if they differ.
func (t *Table) explainSettings(r *Row, cells []source) {
	settings := tabulate.GroupAlike(cells, func(c source) string { return c.Settings() }, func(c source) string { return fmt.Sprintf("%s seed %d", c.Task, c.Seed) })
	if common, ok := settings.Common(); ok {
		t.annotate(r, "Trained with %s.", common)
	} else if len(settings) > 0 {
		t.annotate(r, "%s", tabulate.TrainedDifferently(r.Name, settings))
	}
}

// describe writes the caption.
func (t *Table) describe(cells []source, quoted bool) {
	methods := map[string]bool{} // of measuring memory
	var backbone *result.Backbone
	for _, c := range cells {
		if c.Usable() != nil {
			continue
		}
		backbone = &c.Run.Backbone
		if c.StepMemory != nil {
			methods[c.StepMemory.How] = true
		}
	}
	text := "Top-1 accuracy on the test sets of VTAB-1k in percent"
	switch sets := seedSets(cells); {
	case len(sets) > 1:
		text += ": mean and sample standard deviation over the n seeds in the footnote of the row"
	case len(sets) == 1 && number(sets[0]) == 1:
		text += fmt.Sprintf(", one seed (%s)", sets[0])
	case len(sets) == 1:
		text += fmt.Sprintf(": mean and sample standard deviation of n = %d seeds (%s)", number(sets[0]), sets[0])
	}
	t.Caption = append(t.Caption, text+".")
	if backbone != nil {
		t.Caption = append(t.Caption, tabulate.Backbone(*backbone))
	}
	t.Caption = append(t.Caption, "Parameters: trainable, without the classifier, in millions.")
	for _, how := range slices.Sorted(maps.Keys(methods)) {
		t.Caption = append(t.Caption, "Step memory: the peak of a training step without weights and optimizer, at the recipe's batch, the largest over the tasks; "+how+".")
	}
	if quoted {
		t.Caption = append(t.Caption, "† Quoted from publications, ViT-B/16 pre-trained on ImageNet-21k, not measured here. They do not compete for the best of a column. No step memory is published for them, only the GPU memory of a training (see the forms csv and json).")
		for _, caveat := range published.Caveats("*") {
			t.Caption = append(t.Caption, caveat+".")
		}
	}
}

// seedSets returns the distinct sets of seeds that scores are averaged over, each joined.
func seedSets(cells []source) []string {
	type column struct {
		rowKey
		task string
	}
	seeds := map[column][]uint64{}
	for _, c := range cells {
		if c.Usable() == nil {
			key := column{c.row(), c.Task}
			seeds[key] = append(seeds[key], c.Seed)
		}
	}
	sets := map[string]bool{}
	for _, list := range seeds {
		slices.Sort(list)
		sets[tabulate.JoinSeeds(list)] = true
	}
	return slices.Sorted(maps.Keys(sets))
}

// number counts joined seeds.
func number(seeds string) int { return strings.Count(seeds, ",") + 1 }
