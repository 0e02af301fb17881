package summary

import (
	"cmp"
	"fmt"
	"slices"

	"dtl-tf/runner/domain"
	"dtl-tf/runner/internal/published"
	"dtl-tf/runner/sweep"
	"dtl-tf/runner/sweep/tabulate"
)

// Mean is the key of the mean over the targets.
const Mean = "mean_of_targets"

// The kinds of columns.
const (
	KindSource = "source"
	KindTarget = "target"
	KindMean   = "mean"
)

// Table is everything that is printed; its JSON form is the output format json.
type Table struct {
	PerTarget bool     `json:"one_training_per_target"` // else one training is tested on all
	Caption   []string `json:"caption"`
	Columns   []Column `json:"columns"`
	Rows      []Row    `json:"rows"`
	Notes     []string `json:"notes,omitempty"`
	Missing   []string `json:"missing_cells,omitempty"`
	Bad       []string `json:"unreadable_files,omitempty"` // with the reasons
}

// Column is a domain, or the mean over the targets.
type Column struct {
	Key  string `json:"key"` // of Row.Scores: the name of the domain, or Mean
	Name string `json:"name"`
	Kind string `json:"kind"`
}

// Row is a method.
type Row struct {
	Method string                 `json:"method"`
	Name   string                 `json:"name"`             // as papers write it
	Masked bool                   `json:"masked,omitempty"` // answers among the classes that the target has images of
	Scores map[string]sweep.Score `json:"scores"`           // by column; unknown ones are absent
}

// build makes the table of cells of one source and one protocol that passed CheckOrigin.
func build(cells []source, bad []error, mask bool) Table {
	t := Table{Columns: columns(cells), Bad: tabulate.Texts(bad)}
	if len(cells) == 0 {
		return t
	}
	t.PerTarget = cells[0].Target != ""
	for _, method := range tabulate.Methods(cells) {
		mine := slices.DeleteFunc(slices.Clone(cells), func(c source) bool { return c.Method != method })
		t.Rows = append(t.Rows, t.row(method, mine, false))
		if mask {
			t.Rows = append(t.Rows, t.row(method, mine, true))
		}
	}
	t.describe(cells, mask)
	t.explain(cells)
	return t
}

// columns returns the source, the targets in the order of the official experiment and then of the cells, and the mean of two or more
// targets.
func columns(cells []source) (list []Column) {
	if len(cells) == 0 {
		return nil
	}
	from := cells[0].Source
	list = []Column{{from, from + " (source)", KindSource}}
	var targets []string
	add := func(name string) {
		if name != from && !slices.Contains(targets, name) {
			targets = append(targets, name)
		}
	}
	for _, c := range cells {
		if c.Target != "" {
			add(c.Target)
		}
		if c.Run != nil {
			for _, t := range c.Run.Targets {
				add(t.Name)
			}
		}
	}
	order := domain.OfficialTargets()
	rank := func(name string) int {
		if i := slices.Index(order, name); i >= 0 {
			return i
		}
		return len(order)
	}
	slices.SortStableFunc(targets, func(a, b string) int { return cmp.Compare(rank(a), rank(b)) })
	for _, name := range targets {
		list = append(list, Column{name, name, KindTarget})
	}
	if n := len(targets); n > 1 {
		list = append(list, Column{Mean, fmt.Sprintf("mean of %d targets", n), KindMean})
	}
	return list
}

// targets returns the keys of the targets.
func (t Table) targets() (keys []string) {
	for _, c := range t.Columns {
		if c.Kind == KindTarget {
			keys = append(keys, c.Key)
		}
	}
	return keys
}

// row makes the row of a method from its cells.
func (t Table) row(method string, cells []source, masked bool) Row {
	r := Row{Method: method, Name: published.Of(method).Name, Masked: masked, Scores: map[string]sweep.Score{}}
	if masked {
		r.Name += ", masked"
	}
	bySeed := map[string]map[uint64]float64{} // by domain
	put := func(domain string, seed uint64, top1 float64) {
		if bySeed[domain] == nil {
			bySeed[domain] = map[uint64]float64{}
		}
		bySeed[domain][seed] = top1
	}
	for _, c := range cells {
		if c.Usable() != nil {
			continue
		}
		if a := c.Run.Accuracy; a != nil && !masked {
			put(c.Source, c.Seed, a.Top1)
		}
		for _, target := range c.Run.Targets {
			if masked {
				put(target.Name, c.Seed, target.Masked)
			} else {
				put(target.Name, c.Seed, target.Top1)
			}
		}
	}
	for domain, seeds := range bySeed {
		r.Scores[domain] = sweep.ScoreOf(seeds)
	}
	if targets := t.targets(); len(targets) > 1 {
		if s, ok := sweep.Average(targets, r.Scores, sweep.MeanOf(targets)); ok {
			r.Scores[Mean] = s
		}
	}
	return r
}
