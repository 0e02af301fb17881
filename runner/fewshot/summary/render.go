package summary

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"dtl-tf/runner/report"
)

// textWidth is the width of the notes below a table on a terminal.
const textWidth = 120

// render writes the table in a format.
func (t Table) render(w io.Writer, format string) error {
	switch format {
	case report.JSON:
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		e.SetEscapeHTML(false)
		return e.Encode(t)
	case report.CSV:
		return t.data().Render(w, format)
	}
	return t.people(format).Render(w, format)
}

// people is the table with a column for each data set, rounded.
func (t Table) people(format string) report.Table {
	table := report.Table{Columns: []report.Column{{Key: "method", Title: "method"}, {Key: "shots", Title: "shots", Right: true}}}
	for _, c := range t.Columns {
		table.Columns = append(table.Columns, report.Column{Key: c.Key, Title: c.Name, Right: true, Text: func(v any) string { return shown(v.(Scored)) }})
	}
	for _, r := range t.Rows {
		row := []any{r.Name, r.Shots}
		for _, c := range t.Columns {
			if s, ok := r.Scores[c.Key]; ok {
				row = append(row, s)
			} else {
				row = append(row, nil)
			}
		}
		table.Rows = append(table.Rows, row)
	}
	lines := slices.Concat(t.Caption, t.Notes)
	if format == report.Text {
		for i, line := range lines {
			lines[i] = report.Wrap("", "  ", line, textWidth)
		}
	}
	end := "\n"
	if format == report.Markdown {
		end = "  \n"
	}
	table.Note = strings.Join(lines, end)
	return table
}

// shown formats 61.3 ±0.4.
func shown(s Scored) string {
	text := fmt.Sprintf("%.1f", s.Mean)
	if s.Std != nil {
		text += fmt.Sprintf(" ±%.1f", *s.Std)
	}
	return text
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
