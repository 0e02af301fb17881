package summary

import (
	"slices"
	"strings"

	"dtl-tf/dtl"
	"dtl-tf/runner/published"
	"dtl-tf/runner/suite"
)

// Table is everything that is printed, and what its JSON form holds.
type Table struct {
	Caption   []string   `json:"caption"`
	Columns   []Column   `json:"columns"`
	Rows      []Row      `json:"rows"`
	Footnotes []Footnote `json:"footnotes"`
	Bad       []string   `json:"unreadable_files,omitempty"` // left out, with what is wrong with them

	mixedSeeds bool // not every score is made of the same seeds
}

// Column is a column of accuracies.
type Column struct {
	Key   string `json:"key"`   // of Row.Scores
	Group string `json:"group"` // Natural, Specialized, Structured or Average
	Name  string `json:"name"`
	Tasks int    `json:"tasks"` // that it is the mean of; 1 for a task
}

// Footnote is what a number behind a name points to.
type Footnote struct {
	Number int    `json:"number"`
	Text   string `json:"text"`
}

// Row is a method.
type Row struct {
	Method string           `json:"method"`
	Name   string           `json:"name"` // as papers write it
	Quoted bool             `json:"quoted"`
	Scores map[string]Score `json:"scores"` // by column; what is not there is not known

	Parameters *Parameters `json:"parameters,omitempty"`
	StepMemory *int64      `json:"peak_step_memory_bytes,omitempty"` // the largest of its cells
	GPUMemory  *float64    `json:"quoted_gpu_memory_gb,omitempty"`   // of a whole training, as quoted
	Failed     []Failure   `json:"failed,omitempty"`

	Notes []int          `json:"footnotes,omitempty"`
	Empty map[string]int `json:"empty,omitempty"` // why a column has no score, by column: a footnote
}

// Parameters counts what is trained, without the classifier. Methods that have other options on other tasks have a range.
type Parameters struct {
	Millions float64 `json:"millions"` // mean over the tasks
	Least    int     `json:"least,omitempty"`
	Most     int     `json:"most,omitempty"`
}

// Failure is a cell without a result.
type Failure struct {
	Task   string `json:"task"`
	Seed   uint64 `json:"seed"`
	Reason string `json:"reason"`
	File   string `json:"file"`
}

// averageGroup is the group of the two averages over all tasks.
const averageGroup = "Average"

func groupKey(group string) string { return strings.ToLower(group) }

// columns are the tasks with each group's mean behind it, then both averages.
func columns() []Column {
	var list []Column
	tasks := suite.Tasks()
	for _, g := range suite.Groups() {
		for _, t := range tasks {
			if t.Group == g.Name {
				list = append(list, Column{t.Folder, g.Name, t.Name, 1})
			}
		}
		list = append(list, Column{groupKey(g.Name), g.Name, "Mean", len(g.Tasks)})
	}
	return append(list,
		Column{MeanOfGroups, averageGroup, "Mean of the 3 groups", len(tasks)},
		Column{MeanOf19, averageGroup, "Mean of the 19 tasks", len(tasks)})
}

// build makes the table of cells that may be averaged, see sameOrigin, and of quoted rows below them.
func build(cells []source, quotes []published.Quote, bad []error) Table {
	t := Table{Columns: columns(), mixedSeeds: len(seedSets(cells)) > 1}
	for _, err := range bad {
		t.Bad = append(t.Bad, err.Error())
	}
	for _, method := range methods(cells) {
		its := slices.DeleteFunc(slices.Clone(cells), func(c source) bool { return c.Method != method })
		t.Rows = append(t.Rows, t.measured(method, its))
	}
	for _, q := range quotes {
		t.Rows = append(t.Rows, t.quoted(q))
	}
	t.caption(cells, len(quotes) > 0)
	return t
}

// methods are in the order in which papers list them, then what they do not know.
func methods(cells []source) []string {
	var list []string
	for _, c := range cells {
		if !slices.Contains(list, c.Method) {
			list = append(list, c.Method)
		}
	}
	place := func(method string) int {
		known := published.All()
		if i := slices.IndexFunc(known, func(q published.Quote) bool { return q.Method == method }); i >= 0 {
			return i
		}
		return len(known)
	}
	slices.SortStableFunc(list, func(a, b string) int {
		// DTL and DTL+ close the table, as the papers' own rows do.
		if x, y := dtl.Ours(a), dtl.Ours(b); x != y {
			if y {
				return -1
			}
			return 1
		}
		return place(a) - place(b)
	})
	return list
}

// measured makes the row of a method out of its cells.
func (t *Table) measured(method string, cells []source) Row {
	r := Row{Method: method, Name: published.Of(method).Name, Scores: map[string]Score{}}
	seeds := map[string]map[uint64]float64{} // by task
	var good []source
	for _, c := range cells {
		if err := c.usable(); err != nil {
			r.Failed = append(r.Failed, Failure{c.Task, c.Seed, err.Error(), c.path})
			continue
		}
		if seeds[c.Task] == nil {
			seeds[c.Task] = map[uint64]float64{}
		}
		seeds[c.Task][c.Seed] = c.Run.Accuracy.Top1
		good = append(good, c)
		if m := c.StepMemory; m != nil && (r.StepMemory == nil || m.Peak > *r.StepMemory) {
			peak := m.Peak
			r.StepMemory = &peak
		}
	}
	for task, values := range seeds {
		r.Scores[task] = scoreOf(values)
	}
	r.Parameters = parametersOf(good)
	t.average(&r)
	t.explain(&r, good)
	return r
}

// average fills in the means that all tasks are there for.
func (t *Table) average(r *Row) {
	for _, a := range averages() {
		if s, ok := a.over(r.Scores); ok {
			r.Scores[a.key] = s
		}
	}
}

// parametersOf takes each task once: the seeds of a task train the same parameters.
func parametersOf(cells []source) *Parameters {
	counts := map[string]int{}
	for _, c := range cells {
		counts[c.Task] = c.Run.Parameters.Trainable
	}
	if len(counts) == 0 {
		return nil
	}
	p := &Parameters{}
	sum, first := 0, true
	for _, n := range counts {
		if sum += n; first || n < p.Least {
			p.Least = n
		}
		first = false
		p.Most = max(p.Most, n)
	}
	p.Millions = float64(sum) / float64(len(counts)) / 1e6
	return p
}
