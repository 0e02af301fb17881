package tabulate

import (
	"encoding/json"
	"io"
	"strings"

	"dtl-tf/runner/report"
)

// textWidth is the width of the notes below a table on a terminal.
const textWidth = 120

// Render writes a table in one of report.PaperFormats. whole is everything that is known, for JSON. data makes the table that CSV has,
// unrounded, and people the table that people read, in a format.
func Render(w io.Writer, format string, whole any, data func() report.Table, people func(format string) report.Table) error {
	switch format {
	case report.JSON:
		return JSON(w, whole)
	case report.CSV:
		return data().Render(w, format)
	}
	return people(format).Render(w, format)
}

// JSON writes everything that is known about a table, unrounded.
func JSON(w io.Writer, whole any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(whole)
}

// ByColumn returns the scores of a row in the order of columns, nil for those that are absent.
func ByColumn[S any](columns []report.Column, scores map[string]S) []any {
	cells := make([]any, len(columns))
	for i, c := range columns {
		if s, ok := scores[c.Key]; ok {
			cells[i] = s
		}
	}
	return cells
}

// Note joins the lines below a table in a format.
func Note(format string, lines []string) string {
	switch format {
	case report.Text:
		var wrapped []string
		for _, line := range lines {
			wrapped = append(wrapped, report.Wrap("", "  ", line, textWidth))
		}
		return strings.Join(wrapped, "\n")
	case report.Markdown:
		return strings.Join(lines, "  \n")
	}
	return strings.Join(lines, "\n")
}

// OneLine replaces the line breaks of a text by blanks.
func OneLine(text string) string { return strings.Join(strings.Fields(text), " ") }
