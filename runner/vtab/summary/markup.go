package summary

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"dtl-tf/runner/report"
)

// markup has the formats of a markup language.
type markup struct {
	bold, std, rowNotes, cellNotes string
	escape                         func(string) string
}

var (
	markdown = markup{"**%s**", " ±%s", " [%s]", "[%s]", strings.NewReplacer("|", `\|`).Replace}
	latex    = markup{`\textbf{%s}`, `{\scriptsize$\pm$%s}`, `\textsuperscript{%s}`, `\textsuperscript{%s}`, report.EscapeLaTeX}
)

// row formats a line, cell by cell.
func (m markup) row(l line) []string {
	cells := []string{m.escape(l.label(math.MaxInt)) + set(m.rowNotes, l.notes)}
	for _, c := range l.cells {
		mean := c.mean
		if c.best {
			mean = set(m.bold, mean)
		}
		cells = append(cells, mean+set(m.std, c.std)+set(m.cellNotes, c.notes))
	}
	return append(cells, l.parameters, l.memory)
}

const bestNote = "Bold: the best measured score of a column, if at least two rows have one."

// caption returns the lines below a table with bold scores.
func (t Table) caption(lines []line) []string {
	if slices.ContainsFunc(lines, func(l line) bool { return slices.ContainsFunc(l.cells, func(c cell) bool { return c.best }) }) {
		return append(slices.Clone(t.Caption), bestNote)
	}
	return t.Caption
}

// markdown writes the table in GitHub's Markdown.
func (t Table) markdown(w io.Writer) error {
	var b strings.Builder
	heads := []string{"method"}
	for _, c := range t.Columns {
		name := c.Name
		if c.Tasks > 1 && c.Group != averageGroup {
			name = c.Group + " mean"
		}
		heads = append(heads, name)
	}
	heads = append(heads, "Parameters, M", "Step memory, MiB")
	b.WriteString("| " + strings.Join(heads, " | ") + " |\n|---" + strings.Repeat("|---:", len(heads)-1) + "|\n")
	lines := t.lines()
	for _, l := range lines {
		b.WriteString("| " + strings.Join(markdown.row(l), " | ") + " |\n")
	}
	b.WriteString("\n" + strings.Join(t.caption(lines), "  \n") + "\n")
	for _, f := range t.Footnotes {
		fmt.Fprintf(&b, "\n[%d] %s\n", f.Number, f.Text)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// latex writes a tabular. It requires the packages booktabs and graphicx, as a comment in it says, and an engine or inputenc that
// reads UTF-8.
func (t Table) latex(w io.Writer) error {
	var b strings.Builder
	b.WriteString("% needs \\usepackage{booktabs,graphicx}\n\\begingroup\\setlength{\\tabcolsep}{2pt}\n\\begin{tabular}{l" + strings.Repeat("c", len(t.Columns)+2) + "}\n\\toprule\n")
	var groups, rules, heads []string
	for i := 0; i < len(t.Columns); {
		first := i
		for ; i < len(t.Columns) && t.Columns[i].Group == t.Columns[first].Group; i++ {
			heads = append(heads, `\rotatebox{90}{`+latex.escape(t.Columns[i].Name)+`}`)
		}
		groups = append(groups, fmt.Sprintf(`\multicolumn{%d}{c}{%s}`, i-first, t.Columns[first].Group))
		rules = append(rules, fmt.Sprintf(`\cmidrule(lr){%d-%d}`, first+2, i+1))
	}
	heads = append(heads, `\rotatebox{90}{Parameters, M}`, `\rotatebox{90}{Step memory, MiB}`)
	fmt.Fprintf(&b, " & %s & & \\\\\n%s\nmethod & %s \\\\\n\\midrule\n", strings.Join(groups, " & "), strings.Join(rules, " "), strings.Join(heads, " & "))
	lines := t.lines()
	for i, l := range lines {
		if t.quotesBegin(i) {
			b.WriteString("\\midrule\n")
		}
		b.WriteString(strings.Join(latex.row(l), " & ") + ` \\` + "\n")
	}
	b.WriteString("\\bottomrule\n\\end{tabular}\n\\par\\footnotesize\n")
	for _, c := range t.caption(lines) {
		b.WriteString(latex.escape(c) + "\n")
	}
	for _, f := range t.Footnotes {
		fmt.Fprintf(&b, "\\par \\textsuperscript{%d} %s\n", f.Number, latex.escape(f.Text))
	}
	b.WriteString("\\par\\endgroup\n")
	_, err := io.WriteString(w, b.String())
	return err
}
