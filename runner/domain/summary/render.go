package summary

import (
	"io"
	"slices"
	"strings"

	"dtl-tf/runner/report"
	"dtl-tf/runner/sweep/tabulate"
)

// render writes the table in a format.
func (t Table) render(w io.Writer, format string) error {
	return tabulate.Render(w, format, t, t.data, t.people)
}

// people is the table with a column for each domain, rounded.
func (t Table) people(format string) report.Table {
	table := report.Table{Columns: []report.Column{{Key: "method", Title: "method"}}}
	for _, c := range t.Columns {
		title := c.Name
		if format == report.Text {
			title = strings.Replace(strings.Replace(title, " ", "\n", 1), "imagenet-", "imagenet-\n", 1)
		}
		table.Columns = append(table.Columns, report.Column{Key: c.Key, Title: title, Right: true})
	}
	scores := table.Columns[len(table.Columns)-len(t.Columns):]
	for _, r := range t.Rows {
		row := append([]any{r.Name}, tabulate.ByColumn(scores, r.Scores)...)
		table.Rows = append(table.Rows, row)
	}
	table.Note = tabulate.Note(format, slices.Concat(t.Caption, t.Notes))
	return table
}

// data is the table with a row for each method and domain, unrounded.
func (t Table) data() report.Table {
	table := report.Table{}
	for _, key := range []string{"method", "name", "masked", "one_training_per_target", "domain", "kind", "top1", "std", "seeds"} {
		table.Columns = append(table.Columns, report.Column{Key: key})
	}
	for _, r := range t.Rows {
		for _, c := range t.Columns {
			row := []any{r.Method, strings.TrimSuffix(r.Name, ", masked"), r.Masked, t.PerTarget, c.Key, c.Kind, nil, nil, nil}
			if s, ok := r.Scores[c.Key]; ok {
				row[6], row[7], row[8] = s.Mean, report.Deref(s.Std), report.OrNil(len(s.Seeds))
			}
			table.Rows = append(table.Rows, row)
		}
	}
	return table
}
