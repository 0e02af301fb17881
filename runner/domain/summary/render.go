package summary

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"dtl-tf/runner/report"
	"dtl-tf/runner/sweep"
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

// people is the table with a column for each domain, rounded.
func (t Table) people(format string) report.Table {
	table := report.Table{Columns: []report.Column{{Key: "method", Title: "method"}}}
	for _, c := range t.Columns {
		title := c.Name
		if format == report.Text {
			title = strings.Replace(strings.Replace(title, " ", "\n", 1), "imagenet-", "imagenet-\n", 1)
		}
		table.Columns = append(table.Columns, report.Column{Key: c.Key, Title: title, Right: true, Text: func(v any) string { return shown(v.(sweep.Score)) }})
	}
	for _, r := range t.Rows {
		row := []any{r.Name}
		for _, c := range t.Columns {
			if s, ok := r.Scores[c.Key]; ok {
				row = append(row, s)
			} else {
				row = append(row, nil)
			}
		}
		table.Rows = append(table.Rows, row)
	}
	lines, end := slices.Concat(t.Caption, t.Notes), "\n"
	if format == report.Text {
		for i, line := range lines {
			lines[i] = report.Wrap("", "  ", line, textWidth)
		}
	}
	if format == report.Markdown {
		end = "  \n"
	}
	table.Note = strings.Join(lines, end)
	return table
}

// shown formats 61.3 ±0.4.
func shown(s sweep.Score) string {
	text := fmt.Sprintf("%.1f", s.Mean)
	if s.Std != nil {
		text += fmt.Sprintf(" ±%.1f", *s.Std)
	}
	return text
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
