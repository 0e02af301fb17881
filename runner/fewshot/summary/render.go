package summary

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"dtl-tf/runner/report"
	"dtl-tf/runner/sweep/tabulate"
)

// render writes the table in a format.
func (t Table) render(w io.Writer, format string) error {
	return tabulate.Render(w, format, t, t.data, t.people)
}

// people is the table with a column for each data set, rounded.
func (t Table) people(format string) report.Table {
	table := report.Table{Columns: []report.Column{{Key: "method", Title: "method"}, {Key: "shots", Title: "shots", Right: true}}}
	for _, c := range t.Columns {
		table.Columns = append(table.Columns, report.Column{Key: c.Key, Title: c.Name, Right: true})
	}
	scores := table.Columns[len(table.Columns)-len(t.Columns):]
	for _, r := range t.Rows {
		row := append([]any{r.Name, r.Shots}, tabulate.ByColumn(scores, r.Scores)...)
		table.Rows = append(table.Rows, row)
	}
	table.Note = tabulate.Note(format, slices.Concat(t.Caption, t.Notes))
	return table
}

// data is the table with a row for each method, number of shots and data set, unrounded.
func (t Table) data() report.Table {
	table := report.Table{}
	for _, key := range []string{"method", "name", "shots", "set", "top1", "std", "splits", "val_top1", "chosen_epochs"} {
		table.Columns = append(table.Columns, report.Column{Key: key})
	}
	for _, r := range t.Rows {
		for _, c := range t.Columns {
			row := []any{r.Method, r.Name, r.Shots, c.Key, nil, nil, nil, nil, nil}
			if s, ok := r.Scores[c.Key]; ok {
				row[4], row[5], row[6] = s.Mean, report.Deref(s.Std), report.OrNil(len(s.Seeds))
				row[7], row[8] = report.Deref(s.Val), report.OrNil(s.epochs())
			}
			table.Rows = append(table.Rows, row)
		}
	}
	return table
}

// epochs lists the chosen epochs in the order of the seeds.
func (s Scored) epochs() string {
	var list []string
	for _, seed := range slices.Sorted(maps.Keys(s.Chosen)) {
		list = append(list, fmt.Sprint(s.Chosen[seed]))
	}
	return strings.Join(list, " ")
}
