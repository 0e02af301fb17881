package report

import (
	"fmt"
	"io"
	"strings"
)

// LaTeX is a format of tables for papers, which Table.Render accepts too.
const LaTeX = "latex"

// PaperFormats lists the formats of tables for papers.
func PaperFormats() []string { return []string{Text, Markdown, CSV, LaTeX, JSON} }

// EscapeLaTeX replaces the characters that have a meaning in LaTeX.
func EscapeLaTeX(text string) string { return latexEscapes.Replace(text) }

var latexEscapes = strings.NewReplacer(
	`\`, `\textbackslash{}`, "&", `\&`, "%", `\%`, "$", `\$`, "#", `\#`, "_", `\_`, "{", `\{`, "}", `\}`,
	"~", `\textasciitilde{}`, "^", `\textasciicircum{}`, "†", `\textsuperscript{\dag}`, "<", `\textless{}`, ">", `\textgreater{}`, "±", `$\pm$`)

// latex writes a tabular and the note below it. It requires the package booktabs, as a comment in it says, and an engine or inputenc
// that reads UTF-8.
func (t Table) latex(w io.Writer) error {
	var align, head string
	var b strings.Builder
	for _, c := range t.Columns {
		if c.Data {
			continue
		}
		if c.Right {
			align += "r"
		} else {
			align += "l"
		}
		head += " & " + EscapeLaTeX(strings.ReplaceAll(c.Title, "\n", " "))
	}
	fmt.Fprintf(&b, "%% needs \\usepackage{booktabs}\n\\begin{tabular}{%s}\n\\toprule\n%s \\\\\n\\midrule\n", align, strings.TrimPrefix(head, " & "))
	for _, row := range t.Rows {
		var cells []string
		for j, c := range t.Columns {
			if !c.Data {
				cells = append(cells, EscapeLaTeX(c.show(row[j])))
			}
		}
		b.WriteString(strings.Join(cells, " & ") + ` \\` + "\n")
	}
	b.WriteString("\\bottomrule\n\\end{tabular}\n")
	for line := range strings.Lines(t.Note) {
		b.WriteString(`\par\footnotesize ` + EscapeLaTeX(strings.TrimSpace(line)) + "\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}
