package summary

import (
	"io"
	"maps"
	"slices"
	"strings"

	"dtl-tf/runner/report"
	"dtl-tf/runner/vtab"
)

// csv writes one row per method, unrounded: for each column the mean, the deviation and the number of seeds.
func (t Table) csv(w io.Writer) error {
	keys := []string{"method", "name", "recipe", "source", "parameters_m", "peak_step_memory_bytes", "quoted_gpu_memory_gb"}
	for _, c := range t.Columns {
		keys = append(keys, c.Key, c.Key+"_std", c.Key+"_seeds")
	}
	var table report.Table
	for _, key := range append(keys, "notes") {
		table.Columns = append(table.Columns, report.Column{Key: key})
	}
	for _, r := range t.Rows {
		source := "measured"
		if r.Quoted {
			source = "quoted"
		}
		recipe := r.Recipe
		if recipe == "" && !r.Quoted {
			recipe = vtab.RecipePublished
		}
		var millions any
		if r.Parameters != nil {
			millions = r.Parameters.Millions
		}
		row := []any{r.Method, r.Name, recipe, source, millions, report.Deref(r.StepMemory), report.Deref(r.GPUMemory)}
		for _, c := range t.Columns {
			var mean, seeds any
			s, ok := r.Scores[c.Key]
			if ok {
				mean = s.Mean
			}
			if s.Seeds != nil {
				seeds = len(s.Seeds)
			}
			row = append(row, mean, report.Deref(s.Std), seeds)
		}
		table.Rows = append(table.Rows, append(row, strings.Join(t.notesOf(r), " | ")))
	}
	return table.Render(w, report.CSV)
}

// notesOf returns the footnotes of a row and of its empty cells.
func (t Table) notesOf(r Row) (list []string) {
	numbers := slices.AppendSeq(slices.Clone(r.Notes), maps.Values(r.Empty))
	for _, f := range t.Footnotes {
		if slices.Contains(numbers, f.Number) {
			list = append(list, f.Text)
		}
	}
	return list
}
