package summary

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"dtl-tf/runner/report"
)

// cell is a score as people read it.
type cell struct {
	mean, std string // "" if unknown
	best      bool   // of the measured rows
	notes     string // number of the footnote that explains why the cell is empty
}

// line is a row as people read it.
type line struct {
	name       string
	quoted     bool
	notes      string // numbers of footnotes, "1,2"
	cells      []cell // by column
	parameters string // millions
	memory     string // MiB
}

// label returns the name, with a dagger if the row is quoted, cut to maxWidth characters.
func (l line) label(maxWidth int) string {
	name, sign := []rune(l.name), ""
	if l.quoted {
		sign = "†"
		maxWidth--
	}
	if len(name) > maxWidth {
		return string(name[:maxWidth-1]) + "…" + sign
	}
	return l.name + sign
}

// lines formats the table for people.
func (t Table) lines() (list []line) {
	best := make([]string, len(t.Columns))
	for i, c := range t.Columns {
		best[i] = t.best(c.Key)
	}
	for _, r := range t.Rows {
		l := line{name: r.Name, quoted: r.Quoted, notes: numbers(r.Notes...), parameters: r.Parameters.text(), memory: r.memory()}
		for i, c := range t.Columns {
			s, ok := r.Scores[c.Key]
			if !ok {
				l.cells = append(l.cells, cell{notes: numbers(r.Empty[c.Key])})
				continue
			}
			shown := cell{mean: percent(s.Mean)}
			shown.best = !r.Quoted && shown.mean == best[i]
			if s.Std != nil {
				shown.std = deviation(*s.Std)
			}
			l.cells = append(l.cells, shown)
		}
		list = append(list, l)
	}
	return list
}

// best returns the best measured score of a column as shown, "" if fewer than two rows compete. Scores that read the same are
// equally good.
func (t Table) best(column string) string {
	var means []float64
	for _, r := range t.Rows {
		if s, ok := r.Scores[column]; ok && !r.Quoted {
			means = append(means, s.Mean)
		}
	}
	if len(means) < 2 {
		return ""
	}
	return percent(slices.Max(means))
}

// percent formats 94.8; 100.0 loses its decimal to fit four characters.
func percent(v float64) string {
	return strings.Replace(strconv.FormatFloat(v, 'f', 1, 64), "100.0", "100", 1)
}

// deviation formats 0.3, and 12 from ten on.
func deviation(v float64) string {
	if v >= 9.95 {
		return strconv.FormatFloat(v, 'f', 0, 64)
	}
	return strconv.FormatFloat(v, 'f', 1, 64)
}

// text formats 0.037 or 85.80 if the parameters were counted, and quoted ones as printed.
func (p *Parameters) text() string {
	switch {
	case p == nil:
		return ""
	case p.Most == 0: // quoted, or nothing but the classifier
		return strconv.FormatFloat(p.Millions, 'g', -1, 64)
	case p.Millions < 1:
		return strconv.FormatFloat(p.Millions, 'f', 3, 64)
	}
	return strconv.FormatFloat(p.Millions, 'f', 2, 64)
}

// memory formats the step memory, "" if unknown.
func (r Row) memory() string {
	if r.StepMemory == nil {
		return ""
	}
	return report.MiB(*r.StepMemory)
}

// numbers formats footnotes as "1,2"; 0 is none.
func numbers(notes ...int) string {
	if len(notes) == 0 || notes[0] == 0 {
		return ""
	}
	return strings.Trim(strings.ReplaceAll(fmt.Sprint(notes), " ", ","), "[]")
}

// set formats a text unless it is empty.
func set(format, text string) string {
	if text == "" {
		return ""
	}
	return fmt.Sprintf(format, text)
}
