package summary

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"dtl-tf/runner/report"
)

// cell is a score as people read it.
type cell struct {
	mean, std string // "" where there is none
	best      bool   // of the measured rows
	note      int    // why it is empty; 0 for no reason known
}

// line is a row as people read it.
type line struct {
	name       string
	quoted     bool
	notes      []int
	cells      []cell // as the table's columns
	parameters string // millions
	memory     string // MiB
}

// label is the name with the sign of quoted rows; a name is cut where it would be wider than so many characters.
func (l line) label(width int) string {
	name, sign := []rune(l.name), ""
	if l.quoted {
		sign = "†"
		width--
	}
	if len(name) > width {
		return string(name[:width-1]) + "…" + sign
	}
	return l.name + sign
}

// lines rounds a table for people.
func (t Table) lines() []line {
	best := t.best()
	var list []line
	for _, r := range t.Rows {
		l := line{name: r.Name, quoted: r.Quoted, notes: r.Notes, parameters: r.Parameters.text(), memory: mebibytes(r.StepMemory)}
		for i, c := range t.Columns {
			s, ok := r.Scores[c.Key]
			if !ok {
				l.cells = append(l.cells, cell{note: r.Empty[c.Key]})
				continue
			}
			shown := cell{mean: percent(s.Mean), best: !r.Quoted && tenths(s.Mean) == best[i]}
			if s.Std != nil {
				shown.std = "±" + deviation(*s.Std)
			}
			l.cells = append(l.cells, shown)
		}
		list = append(list, l)
	}
	return list
}

// best is the best measured score of each column in tenths of a percent, -1 where fewer than two rows compete. Scores
// compete as they are shown: of two that read the same none is better.
func (t Table) best() []int {
	list := make([]int, len(t.Columns))
	for i, c := range t.Columns {
		top, n := -1, 0
		for _, r := range t.Rows {
			if s, ok := r.Scores[c.Key]; ok && !r.Quoted {
				top = max(top, tenths(s.Mean))
				n++
			}
		}
		if n < 2 {
			top = -1
		}
		list[i] = top
	}
	return list
}

// tenths rounds as the text does, half to even in the last digit of the decimal fraction.
func tenths(v float64) int {
	f, _ := strconv.ParseFloat(strconv.FormatFloat(v, 'f', 1, 64), 64)
	return int(math.Round(f * 10))
}

// percent is 94.8; 100.0 loses its decimal and keeps within four characters.
func percent(v float64) string {
	return strings.Replace(strconv.FormatFloat(v, 'f', 1, 64), "100.0", "100", 1)
}

// deviation is 0.3, and 12 from ten on.
func deviation(v float64) string {
	if v >= 9.95 {
		return strconv.FormatFloat(v, 'f', 0, 64)
	}
	return strconv.FormatFloat(v, 'f', 1, 64)
}

// text is 0.037 or 85.80 for what was counted, and what is printed for what is quoted.
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

func mebibytes(n *int64) string {
	if n == nil {
		return ""
	}
	mib := float64(*n) / (1 << 20)
	if mib < 10 {
		return strconv.FormatFloat(mib, 'f', 1, 64)
	}
	return report.Thousands(int64(math.Round(mib)))
}

// marks is "[1,2]", "" for none.
func marks(notes []int) string {
	if len(notes) == 0 {
		return ""
	}
	return strings.ReplaceAll(fmt.Sprint(notes), " ", ",")
}

// mark is the number of one footnote, "" for 0.
func mark(note int) string {
	if note == 0 {
		return ""
	}
	return marks([]int{note})
}
