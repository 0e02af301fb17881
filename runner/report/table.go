package report

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/olekukonko/tablewriter"
	"github.com/olekukonko/tablewriter/renderer"
	"github.com/olekukonko/tablewriter/tw"
)

// Formats of a table. Text and Markdown are for people and round values; CSV and JSON are for programs and do not.
const (
	Text     = "table"
	Markdown = "markdown"
	CSV      = "csv"
	JSON     = "json"
)

// Formats lists the formats that Table.Render accepts.
func Formats() []string { return []string{Text, Markdown, CSV, JSON} }

// Column describes a column of a table.
type Column struct {
	Key   string // its name in CSV and JSON
	Title string // its head for people; may have several lines in text
	Right bool   // aligned to the right, as numbers are
	Cut   bool   // cells may be shortened to keep the table within MaxWidth
	Data  bool   // in CSV and JSON only

	// Text formats a cell that is not nil for people. The default is the format of CSV.
	Text func(v any) string
}

// Table is rows of values. A nil cell is an unknown value: empty, or null in JSON.
type Table struct {
	Columns  []Column
	Rows     [][]any
	Note     string // below a table for people
	MaxWidth int    // of Text, in columns of a terminal; 0 means no limit
}

// minCut is the width below which a shortened cell says nothing.
const minCut = 6

// Render writes the table in a format.
func (t Table) Render(w io.Writer, format string) error {
	for i, row := range t.Rows {
		if len(row) != len(t.Columns) {
			return fmt.Errorf("table: row %d has %d cells for %d columns", i+1, len(row), len(t.Columns))
		}
	}
	switch format {
	case Text, Markdown:
		return t.people(w, format)
	case CSV:
		return t.csv(w)
	case LaTeX:
		return t.latex(w)
	case JSON:
		return t.json(w)
	}
	return fmt.Errorf("format %q is unknown, use one of %s", format, strings.Join(Formats(), ", "))
}

func (t Table) people(w io.Writer, format string) error {
	var align tw.Alignment
	var head []string
	var columns []Column
	cells := make([][]string, len(t.Rows))
	for j, c := range t.Columns {
		if c.Data {
			continue
		}
		columns, head = append(columns, c), append(head, c.Title)
		if c.Right {
			align = append(align, tw.AlignRight)
		} else {
			align = append(align, tw.AlignLeft)
		}
		for i, row := range t.Rows {
			cells[i] = append(cells[i], c.show(row[j]))
		}
	}
	// No lines between columns: they would take a quarter of the width.
	draw := tw.Renderer(renderer.NewBlueprint(tw.Rendition{
		Symbols:  tw.NewSymbols(tw.StyleRounded),
		Settings: tw.Settings{Separators: tw.Separators{BetweenColumns: tw.Off}},
	}))
	if format == Markdown {
		draw = renderer.NewMarkdown()
		escape := strings.NewReplacer("\n", " ", "|", `\|`)
		for _, row := range append(cells, head) {
			for j := range row {
				row[j] = escape.Replace(row[j])
			}
		}
	} else {
		t.fit(columns, cells)
	}
	var b bytes.Buffer
	table := tablewriter.NewTable(&b,
		tablewriter.WithRenderer(draw),
		tablewriter.WithHeaderAutoFormat(tw.Off), tablewriter.WithHeaderAutoWrap(tw.WrapNone),
		tablewriter.WithRowAutoWrap(tw.WrapNone),
		tablewriter.WithAlignment(align),
		tablewriter.WithEastAsian(tw.Off), // independent of the user's locale
	)
	table.Header(head)
	if err := table.Bulk(cells); err != nil {
		return fmt.Errorf("table: %w", err)
	}
	if err := table.Render(); err != nil {
		return fmt.Errorf("table: %w", err)
	}
	if t.Note != "" {
		if format == Markdown {
			b.WriteByte('\n')
		}
		b.WriteString(t.Note + "\n")
	}
	_, err := w.Write(b.Bytes())
	return err
}

// fit shortens the widest of the columns that may be cut, one character at a time, until the table is no wider than MaxWidth or
// all these columns are as narrow as their titles.
func (t Table) fit(columns []Column, cells [][]string) {
	least, width := make([]int, len(columns)), make([]int, len(columns))
	total := 2 // the borders; each column adds two blanks
	for j, c := range columns {
		for line := range strings.SplitSeq(c.Title, "\n") {
			width[j] = max(width[j], utf8.RuneCountInString(line))
		}
		least[j] = max(minCut, width[j])
		for _, row := range cells {
			width[j] = max(width[j], utf8.RuneCountInString(row[j]))
		}
		total += width[j] + 2
	}
	for ; t.MaxWidth > 0 && total > t.MaxWidth; total-- {
		widest := -1
		for j, c := range columns {
			if c.Cut && width[j] > least[j] && (widest < 0 || width[j] > width[widest]) {
				widest = j
			}
		}
		if widest < 0 {
			break
		}
		width[widest]--
	}
	for _, row := range cells {
		for j := range row {
			row[j] = shorten(row[j], width[j])
		}
	}
}

// shorten removes characters in the middle, because names of data sets and backbones differ at both ends.
func shorten(s string, width int) string {
	r := []rune(s)
	if len(r) <= width {
		return s
	}
	tail := (width - 1) / 2
	return string(r[:width-1-tail]) + "…" + string(r[len(r)-tail:])
}

func (t Table) csv(w io.Writer) error {
	c := csv.NewWriter(w)
	var head []string
	for _, col := range t.Columns {
		head = append(head, col.Key)
	}
	_ = c.Write(head) // an error sticks and comes from c.Error
	for _, row := range t.Rows {
		var cells []string
		for _, v := range row {
			cells = append(cells, plain(v))
		}
		_ = c.Write(cells)
	}
	c.Flush()
	return c.Error()
}

// json writes a list of objects whose keys have the order of the columns.
func (t Table) json(w io.Writer) error {
	objects := make([]string, len(t.Rows))
	for i, row := range t.Rows {
		fields := make([]string, len(row))
		for j, v := range row {
			value, err := json.Marshal(v)
			if err != nil {
				return fmt.Errorf("table: column %s, row %d: %w", t.Columns[j].Key, i+1, err)
			}
			fields[j] = strconv.Quote(t.Columns[j].Key) + ":" + string(value)
		}
		objects[i] = "{" + strings.Join(fields, ",") + "}"
	}
	var out bytes.Buffer
	if err := json.Indent(&out, []byte("["+strings.Join(objects, ",")+"]\n"), "", "  "); err != nil {
		return fmt.Errorf("table: %w", err)
	}
	_, err := w.Write(out.Bytes())
	return err
}

func (c Column) show(v any) string {
	if v != nil && c.Text != nil {
		return c.Text(v)
	}
	return plain(v)
}

// Deref returns the cell of the value that p points to, an unknown one if p is nil.
func Deref[T any](p *T) any {
	if p == nil {
		return nil
	}
	return *p
}

// OrNil returns the cell of a value whose zero stands for an unknown one.
func OrNil[T comparable](v T) any {
	var unknown T
	if v == unknown {
		return nil
	}
	return v
}

// plain formats a value in full.
func plain(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case float64:
		return strconv.FormatFloat(v, 'g', -1, 64)
	}
	return fmt.Sprint(v)
}
