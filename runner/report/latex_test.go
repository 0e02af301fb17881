package report

import (
	"bytes"
	"testing"

	"dtl-tf/graph/expect"
)

// TestLaTeX: what LaTeX would interpret is escaped, columns for programs are left out, and the text is what a person would write.
func TestLaTeX(t *testing.T) {
	table := Table{
		Columns: []Column{{Key: "m", Title: "the\nmethod"}, {Key: "s", Title: "top-1, %", Right: true, Text: func(v any) string { return v.(string) + " ±0.1" }}, {Key: "raw", Data: true}},
		Rows:    [][]any{{"fact_tt & co", "1.5", 7}, {"50 #1", nil, nil}},
		Note:    "one_seed\nsecond line",
	}
	var b bytes.Buffer
	expect.NoError(t, table.Render(&b, LaTeX))
	want := `% needs \usepackage{booktabs}
\begin{tabular}{lr}
\toprule
the method & top-1, \% \\
\midrule
fact\_tt \& co & 1.5 $\pm$0.1 \\
50 \#1 &  \\
\bottomrule
\end{tabular}
\par\footnotesize one\_seed
\par\footnotesize second line
`
	if b.String() != want {
		t.Errorf("%s", b.String())
	}
}
