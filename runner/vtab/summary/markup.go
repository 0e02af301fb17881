package summary

import (
	"fmt"
	"io"
	"math"
	"strings"
)

// markdown writes the table as GitHub's Markdown reads it.
func (t Table) markdown(w io.Writer) error {
	var b strings.Builder
	cells, lines := []string{"method"}, []string{"---"}
	for _, c := range t.Columns {
		name := c.Name
		if c.Tasks > 1 && c.Group != averageGroup {
			name = c.Group + " mean"
		}
		cells, lines = append(cells, name), append(lines, "---:")
	}
	cells, lines = append(cells, "Parameters, M", "Step memory, MiB"), append(lines, "---:", "---:")
	b.WriteString("| " + strings.Join(cells, " | ") + " |\n|" + strings.Join(lines, "|") + "|\n")
	bold := false
	for _, l := range t.lines() {
		cells := []string{strings.TrimSpace(strings.ReplaceAll(l.label(math.MaxInt), "|", `\|`) + " " + marks(l.notes))}
		for _, c := range l.cells {
			text := c.mean
			if c.best {
				text, bold = "**"+text+"**", true
			}
			if c.std != "" {
				text += " " + c.std
			}
			cells = append(cells, text+mark(c.note))
		}
		cells = append(cells, l.parameters, l.memory)
		b.WriteString("| " + strings.Join(cells, " | ") + " |\n")
	}
	b.WriteString("\n" + strings.Join(t.foot(bold), "  \n") + "\n")
	for _, f := range t.Footnotes {
		fmt.Fprintf(&b, "\n%s %s\n", mark(f.Number), f.Text)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// foot is the caption, with the meaning of bold where there is any.
func (t Table) foot(bold bool) []string {
	if bold {
		return append(t.Caption[:len(t.Caption):len(t.Caption)], bestNote)
	}
	return t.Caption
}

// latex writes a tabular. It needs the packages booktabs, graphicx for turned heads, and an engine or inputenc that
// reads UTF-8; a comment in it says so.
func (t Table) latex(w io.Writer) error {
	var b strings.Builder
	b.WriteString("% needs \\usepackage{booktabs,graphicx}\n\\begingroup\\setlength{\\tabcolsep}{2pt}\n\\begin{tabular}{l" + strings.Repeat("c", len(t.Columns)+2) + "}\n\\toprule\n")
	var groups, rules, heads []string
	for i := 0; i < len(t.Columns); {
		first := i
		for ; i < len(t.Columns) && t.Columns[i].Group == t.Columns[first].Group; i++ {
			heads = append(heads, `\rotatebox{90}{`+escape(t.Columns[i].Name)+`}`)
		}
		groups = append(groups, fmt.Sprintf(`\multicolumn{%d}{c}{%s}`, i-first, t.Columns[first].Group))
		rules = append(rules, fmt.Sprintf(`\cmidrule(lr){%d-%d}`, first+2, i+1))
	}
	heads = append(heads, `\rotatebox{90}{Parameters, M}`, `\rotatebox{90}{Step memory, MiB}`)
	fmt.Fprintf(&b, " & %s & & \\\\\n%s\nmethod & %s \\\\\n\\midrule\n", strings.Join(groups, " & "), strings.Join(rules, " "), strings.Join(heads, " & "))
	bold := false
	for i, l := range t.lines() {
		if i > 0 && t.Rows[i].Quoted && !t.Rows[i-1].Quoted {
			b.WriteString("\\midrule\n")
		}
		cells := []string{escape(l.label(math.MaxInt)) + superscript(marks(l.notes))}
		for _, c := range l.cells {
			text := c.mean
			if c.best {
				text, bold = `\textbf{`+text+`}`, true
			}
			if c.std != "" {
				text += `{\scriptsize$\pm$` + strings.TrimPrefix(c.std, "±") + `}`
			}
			cells = append(cells, text+superscript(mark(c.note)))
		}
		cells = append(cells, l.parameters, l.memory)
		b.WriteString(strings.Join(cells, " & ") + ` \\` + "\n")
	}
	b.WriteString("\\bottomrule\n\\end{tabular}\n\\par\\footnotesize\n")
	for _, c := range t.foot(bold) {
		b.WriteString(escape(c) + "\n")
	}
	for _, f := range t.Footnotes {
		fmt.Fprintf(&b, "\\par %s %s\n", superscript(mark(f.Number)), escape(f.Text))
	}
	b.WriteString("\\par\\endgroup\n")
	_, err := io.WriteString(w, b.String())
	return err
}

// superscript sets "[1,2]" as a raised 1,2.
func superscript(marks string) string {
	if marks == "" {
		return ""
	}
	return `\textsuperscript{` + strings.Trim(marks, "[]") + `}`
}

var latexEscapes = strings.NewReplacer(
	`\`, `\textbackslash{}`, "&", `\&`, "%", `\%`, "$", `\$`, "#", `\#`, "_", `\_`, "{", `\{`, "}", `\}`,
	"~", `\textasciitilde{}`, "^", `\textasciicircum{}`, "†", `\textsuperscript{\dag}`, "<", `\textless{}`, ">", `\textgreater{}`, "±", `$\pm$`)

func escape(text string) string { return latexEscapes.Replace(text) }
