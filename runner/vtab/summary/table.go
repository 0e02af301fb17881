package summary

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"dtl-tf/dtl"
	"dtl-tf/runner/internal/published"
	"dtl-tf/runner/internal/suite"
	"dtl-tf/runner/sweep"
	"dtl-tf/runner/sweep/tabulate"
	"dtl-tf/runner/vtab"
)

// Table is everything that is printed; its JSON form is the output format json.
type Table struct {
	Caption   []string   `json:"caption"`
	Columns   []Column   `json:"columns"`
	Rows      []Row      `json:"rows"`
	Footnotes []Footnote `json:"footnotes"`
	Bad       []string   `json:"unreadable_files,omitempty"` // with the reasons

	mixedSeeds bool // scores differ in their seeds
}

// Column is a column of accuracies.
type Column struct {
	Key   string `json:"key"`   // of Row.Scores
	Group string `json:"group"` // Natural, Specialized, Structured or Average
	Name  string `json:"name"`
	Tasks int    `json:"tasks"` // that it averages; 1 for a task
}

// Footnote is a numbered note.
type Footnote struct {
	Number int    `json:"number"`
	Text   string `json:"text"`
}

// Row is a method, or a method with one recipe for all tasks.
type Row struct {
	Method string                 `json:"method"`
	Recipe string                 `json:"recipe,omitempty"` // vtab.RecipeOne if all tasks have the same; otherwise each may have its own
	Name   string                 `json:"name"`             // as papers write it
	Quoted bool                   `json:"quoted"`
	Scores map[string]sweep.Score `json:"scores"` // by column; unknown ones are absent

	Parameters *Parameters `json:"parameters,omitempty"`
	StepMemory *int64      `json:"peak_step_memory_bytes,omitempty"`  // the largest of its cells
	Minutes    *float64    `json:"train_processor_minutes,omitempty"` // mean of its cells
	GPUMemory  *float64    `json:"quoted_gpu_memory_gb,omitempty"`    // of a whole training, as quoted
	Failed     []Failure   `json:"failed,omitempty"`

	Notes []int          `json:"footnotes,omitempty"`
	Empty map[string]int `json:"empty,omitempty"` // footnote on why a column has no score, by column
}

// Parameters counts trainable parameters without the classifier. They range if a method's options differ between tasks.
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

// columns returns the tasks, followed by their group's mean, and both averages.
func columns() (list []Column) {
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

// build makes the table of cells that passed CheckOrigin, with quoted rows below them.
func build(cells []source, quotes []published.Quote, bad []error) Table {
	t := Table{Columns: columns(), Bad: tabulate.Texts(bad), mixedSeeds: len(seedSets(cells)) > 1}
	rows := map[rowKey][]source{}
	for _, c := range cells {
		rows[c.row()] = append(rows[c.row()], c)
	}
	for _, method := range methods(cells) {
		for _, one := range []bool{false, true} {
			if key := (rowKey{method, one}); len(rows[key]) > 0 {
				t.Rows = append(t.Rows, t.measured(key, rows[key]))
			}
		}
	}
	for _, q := range quotes {
		t.Rows = append(t.Rows, t.quoted(q))
	}
	t.describe(cells, len(quotes) > 0)
	return t
}

// quotesBegin reports whether row i is the first quoted row below measured ones.
func (t Table) quotesBegin(i int) bool { return i > 0 && t.Rows[i].Quoted && !t.Rows[i-1].Quoted }

// methods returns the methods in the order of the papers' tables, then unpublished ones, then DTL and DTL+.
func methods(cells []source) (list []string) {
	for _, c := range cells {
		if !slices.Contains(list, c.Method) {
			list = append(list, c.Method)
		}
	}
	known := published.All()
	rank := func(method string) int {
		i := slices.IndexFunc(known, func(q published.Quote) bool { return q.Method == method })
		if i < 0 {
			i = len(known)
		}
		if dtl.Ours(method) {
			i += len(known) + 1
		}
		return i
	}
	slices.SortStableFunc(list, func(a, b string) int { return cmp.Compare(rank(a), rank(b)) })
	return list
}

// rowKey is what a measured row has the cells of: a method with the recipes of the tasks, or with one recipe for all tasks.
type rowKey struct {
	method string
	one    bool
}

// measured makes the row of a method from its cells.
func (t *Table) measured(key rowKey, cells []source) Row {
	r := Row{Method: key.method, Name: published.Of(key.method).Name, Scores: map[string]sweep.Score{}}
	if key.one {
		r.Recipe, r.Name = vtab.RecipeOne, r.Name+", one recipe"
	}
	seeds := map[string]map[uint64]float64{} // by task
	var usable []source
	for _, c := range cells {
		if err := c.Usable(); err != nil {
			r.Failed = append(r.Failed, Failure{c.Task, c.Seed, err.Error(), c.path})
			continue
		}
		if seeds[c.Task] == nil {
			seeds[c.Task] = map[uint64]float64{}
		}
		seeds[c.Task][c.Seed] = c.Run.Accuracy.Top1
		usable = append(usable, c)
		if m := c.StepMemory; m != nil && (r.StepMemory == nil || m.Peak > *r.StepMemory) {
			r.StepMemory = &m.Peak
		}
	}
	for task, values := range seeds {
		r.Scores[task] = sweep.ScoreOf(values)
	}
	r.Parameters, r.Minutes = parametersOf(usable), minutesOf(usable)
	r.average()
	t.explain(&r, usable)
	return r
}

// average adds each average for which all tasks have a score.
func (r *Row) average() {
	for _, a := range averages() {
		if s, ok := a.over(r.Scores); ok {
			r.Scores[a.key] = s
		}
	}
}

// parametersOf counts each task once because its seeds train the same parameters.
func parametersOf(cells []source) *Parameters {
	if len(cells) == 0 {
		return nil
	}
	byTask := map[string]int{}
	for _, c := range cells {
		byTask[c.Task] = c.Run.Parameters.Trainable
	}
	counts := slices.Sorted(maps.Values(byTask))
	sum := 0
	for _, n := range counts {
		sum += n
	}
	return &Parameters{Millions: float64(sum) / float64(len(counts)) / 1e6, Least: counts[0], Most: counts[len(counts)-1]}
}
