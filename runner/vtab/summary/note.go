package summary

import (
	"encoding/json"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"dtl-tf/dtl"
	"dtl-tf/runner/published"
	"dtl-tf/runner/report"
	"dtl-tf/runner/result"
	"dtl-tf/runner/suite"
)

// note is the number of a footnote; the same text has one number.
func (t *Table) note(format string, args ...any) int {
	text := fmt.Sprintf(format, args...)
	for _, f := range t.Footnotes {
		if f.Text == text {
			return f.Number
		}
	}
	t.Footnotes = append(t.Footnotes, Footnote{len(t.Footnotes) + 1, text})
	return len(t.Footnotes)
}

// mark points from a row to a footnote.
func (t *Table) mark(r *Row, format string, args ...any) {
	if n := t.note(format, args...); !slices.Contains(r.Notes, n) {
		r.Notes = append(r.Notes, n)
	}
}

// empty points from a cell without a score to a footnote.
func (t *Table) empty(r *Row, column, format string, args ...any) {
	if r.Empty == nil {
		r.Empty = map[string]int{}
	}
	r.Empty[column] = t.note(format, args...)
}

// explain gives a measured row its footnotes.
func (t *Table) explain(r *Row, cells []source) {
	t.explainSettings(r, cells)
	if p := r.Parameters; p != nil && p.Least != p.Most {
		t.mark(r, "%s: the parameters are the mean over the tasks, which have %s to %s.", r.Name, report.Thousands(p.Least), report.Thousands(p.Most))
	}
	t.explainSeeds(r)
	for _, f := range r.Failed {
		if _, ok := r.Scores[f.Task]; ok {
			t.mark(r, "%s: %s seed %d failed and is left out: %s", r.Name, f.Task, f.Seed, oneLine(f.Reason))
		} else if _, told := r.Empty[f.Task]; !told {
			t.empty(r, f.Task, "%s: %s failed (%s): %s", r.Name, f.Task, seedsOf(r.Failed, f.Task), oneLine(f.Reason))
		}
	}
	for _, c := range cells {
		if n := c.Run.Data.Skipped; n > 0 {
			t.mark(r, "%s: %s seed %d: %d unreadable %s left out.", r.Name, c.Task, c.Seed, n, plural(n, "image"))
		}
	}
	t.explainMissing(r)
	slices.Sort(r.Notes)
}

// explainMissing says which tasks keep the averages from being printed.
func (t *Table) explainMissing(r *Row) {
	var missing []string
	for _, task := range suite.Folders() {
		if _, ok := r.Scores[task]; !ok {
			missing = append(missing, task)
		}
	}
	if len(missing) == 0 {
		return
	}
	for _, a := range averages() {
		if _, ok := r.Scores[a.key]; !ok {
			t.empty(r, a.key, "No average, since these tasks have no result: %s.", strings.Join(missing, ", "))
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
	return plural(len(seeds), "seed") + " " + strings.Join(seeds, ", ")
}

// explainSeeds says how many seeds a row has where the rows differ in it, or its tasks.
func (t *Table) explainSeeds(r *Row) {
	sets := map[string][]string{} // tasks by their seeds
	for _, task := range suite.Folders() {
		if s, ok := r.Scores[task]; ok {
			key := join(slices.Sorted(maps.Keys(s.Seeds)))
			sets[key] = append(sets[key], task)
		}
	}
	if len(sets) == 1 && t.mixedSeeds {
		for seeds := range sets {
			t.mark(r, "n = %d (%s %s).", strings.Count(seeds, ",")+1, plural(strings.Count(seeds, ",")+1, "seed"), seeds)
		}
	}
	if len(sets) < 2 {
		return
	}
	parts := groupsOf(sets, func(seeds string) string { return fmt.Sprintf("n = %d (%s)", strings.Count(seeds, ",")+1, seeds) })
	t.mark(r, "%s: the tasks have different seeds, so an average over them has no deviation: %s.", r.Name, strings.Join(parts, "; "))
}

// explainSettings says what the row was trained with, and where its cells differ in it.
func (t *Table) explainSettings(r *Row, cells []source) {
	sets := map[string][]string{} // cells by their settings
	for _, c := range cells {
		key := settings(c)
		sets[key] = append(sets[key], fmt.Sprintf("%s seed %d", c.Task, c.Seed))
	}
	switch len(sets) {
	case 0:
	case 1:
		for key := range sets {
			t.mark(r, "Trained with %s.", key)
		}
	default:
		parts := groupsOf(sets, func(key string) string { return key })
		t.mark(r, "%s: its cells were trained differently: %s.", r.Name, strings.Join(parts, "; "))
	}
}

// settings are what a cell was trained with, except for what recipes have for each task.
func settings(c source) string {
	var config struct {
		Epochs    int    `json:"epochs"`
		Batch     int    `json:"batch"`
		Precision string `json:"precision"`
		Scope     string `json:"drop_path_scope"`
	}
	text := "the recipe " + c.Recipe.Name
	if c.Recipe.Note != "" {
		text += " (" + c.Recipe.Note + ")"
	}
	if len(c.Overrides) > 0 {
		text += " with " + c.Overrides.String()
	}
	config.Epochs, config.Batch = c.Recipe.Epochs, c.Recipe.Batch
	// The record of the run knows better than the recipe.
	if err := json.Unmarshal(c.Run.Config, &config); err != nil {
		return text
	}
	text += fmt.Sprintf(": %d epochs, batch %d", config.Epochs, config.Batch)
	if config.Precision != "" {
		text += ", " + config.Precision
	}
	if config.Scope == string(dtl.DropPathSuffix) {
		text += ", --drop-path-scope " + config.Scope
	}
	if note := c.Run.Accuracy.Note; note != result.OnceAfterLast {
		text += fmt.Sprintf(", accuracy %q", note)
	}
	return text
}

// groupsOf lists sets in a fixed order, the largest first, with what is in each.
func groupsOf(sets map[string][]string, name func(key string) string) []string {
	keys := slices.SortedFunc(maps.Keys(sets), func(a, b string) int {
		if d := len(sets[b]) - len(sets[a]); d != 0 {
			return d
		}
		return strings.Compare(a, b)
	})
	var parts []string
	for _, key := range keys {
		parts = append(parts, name(key)+" for "+few(sets[key]))
	}
	return parts
}

// few lists names, or says how many more there are.
func few(names []string) string {
	const most = 8
	if len(names) <= most {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
}

// caption says what the numbers are.
func (t *Table) caption(cells []source, quoted bool) {
	hows := map[string]bool{}
	var backbone *result.Backbone
	for _, c := range cells {
		if c.usable() != nil {
			continue
		}
		backbone = &c.Run.Backbone
		if c.StepMemory != nil {
			hows[c.StepMemory.How] = true
		}
	}
	text := "Top-1 accuracy on the test sets of VTAB-1k in percent"
	switch sets := seedSets(cells); {
	case len(sets) == 1 && !strings.Contains(sets[0], ","):
		text += fmt.Sprintf(", one seed (%s)", sets[0])
	case len(sets) == 1:
		text += fmt.Sprintf(": mean and sample standard deviation of n = %d seeds (%s)", strings.Count(sets[0], ",")+1, sets[0])
	case len(sets) > 1:
		text += ": mean and sample standard deviation over the n seeds that a footnote of the row says"
	}
	t.Caption = append(t.Caption, text+".")
	if backbone != nil {
		t.Caption = append(t.Caption, fmt.Sprintf("Backbone: %s, %s, sha256 %.12s.", filepath.Base(backbone.Path), backbone.Architecture, backbone.SHA256))
	}
	t.Caption = append(t.Caption, "Parameters: what is trained without the classifier, in millions.")
	for _, how := range slices.Sorted(maps.Keys(hows)) {
		t.Caption = append(t.Caption, "Step memory: the most that is alive at once in a training step without weights and optimizer, with the batch of the recipe, the largest over the tasks; "+how+".")
	}
	if quoted {
		t.Caption = append(t.Caption, "† Quoted from publications, ViT-B/16 pre-trained on ImageNet-21k, not measured here. They do not compete for the best of a column. No step memory is published for them, only the GPU memory of a training (see the forms csv and json).")
		for _, caveat := range published.CommonCaveats() {
			t.Caption = append(t.Caption, caveat+".")
		}
	}
}

// seedSets are the different lists of seeds that scores are made of.
func seedSets(cells []source) []string {
	seeds := map[[2]string][]uint64{} // by method and task
	for _, c := range cells {
		if c.usable() == nil {
			at := [2]string{c.Method, c.Task}
			seeds[at] = append(seeds[at], c.Seed)
		}
	}
	sets := map[string]bool{}
	for _, list := range seeds {
		slices.Sort(list)
		sets[join(list)] = true
	}
	return slices.Sorted(maps.Keys(sets))
}

func join(seeds []uint64) string {
	return strings.Trim(strings.ReplaceAll(fmt.Sprint(seeds), " ", ", "), "[]")
}

func plural(n int, word string) string {
	if n == 1 {
		return word
	}
	return word + "s"
}

func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }
