package vtab

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"time"

	"dtl-tf/graph"
	"dtl-tf/graph/limit"
	"dtl-tf/runner"
	"dtl-tf/runner/recipe"
	"dtl-tf/runner/result"
)

// OneRecipe is the recipe of a method for all tasks and how it was chosen: the file RESULTS/one-recipe/METHOD.json.
type OneRecipe struct {
	Format int    `json:"format"`
	Method string `json:"method"`

	Recipe recipe.Recipe    `json:"recipe"` // as the cells have it; its note says what it was chosen by
	Point  recipe.Overrides `json:"point"`  // of the grid: the one with the best mean over the tasks, the first of equal ones

	// What it was chosen by. Another call must have the same.
	Grid      string           `json:"grid"`
	Base      recipe.Recipe    `json:"base"`                // values that a point does not set
	Overrides recipe.Overrides `json:"overrides,omitempty"` // of --set, at all points
	Settings  OneSettings      `json:"settings"`
	Tasks     []ChosenOn       `json:"tasks"`
	Backbone  result.Backbone  `json:"backbone"`

	Seed    uint64       `json:"seed"`
	Points  []TriedPoint `json:"points"`  // in the order of the grid
	Program string       `json:"program"` // version that chose
	Chosen  time.Time    `json:"chosen"`
}

// OneSettings are the settings of the search's cells that no recipe has.
type OneSettings struct {
	Precision     graph.Precision `json:"precision"`
	Approximate   bool            `json:"approximate_gradients,omitempty"`
	DropPathScope string          `json:"drop_path_scope"`
}

// ChosenOn is a task of the search.
type ChosenOn struct {
	Task        string         `json:"task"`
	Fingerprint string         `json:"fingerprint"` // of its images and lists
	Counts      map[string]int `json:"images"`      // by split
}

// TriedPoint is a point of the grid with its accuracies on val200 in percent, by task.
type TriedPoint struct {
	Point  recipe.Overrides   `json:"point"`
	Top1   map[string]float64 `json:"val_top1,omitempty"`
	Mean   *float64           `json:"mean_val_top1,omitempty"` // over the tasks, absent if one diverged
	Failed []string           `json:"diverged,omitempty"`      // tasks with the reasons
}

// oneFormat is the version of the file.
const oneFormat = 1

// path returns the path of the file.
func (s *oneSearch) path() string { return filepath.Join(s.Out, OneFolder, s.method+".json") }

// empty returns the record of the search without its result.
func (s *oneSearch) empty() *OneRecipe {
	o := &OneRecipe{
		Format: oneFormat, Method: s.method, Grid: s.grid.String(), Base: s.base, Overrides: s.OverridesOf(s.method), Backbone: s.backbone, Seed: s.searchSeed(),
		Settings: OneSettings{Precision: s.Precision, Approximate: s.Recompute.Approximate(), DropPathScope: string(s.DropPathScope)},
	}
	for _, task := range s.tasks {
		o.Tasks = append(o.Tasks, ChosenOn{Task: task.Folder})
	}
	return o
}

// add takes the data of a cell over. All points must have seen the same images.
func (t *ChosenOn) add(c Cell) error {
	if t.Fingerprint == "" {
		t.Fingerprint, t.Counts = c.Run.Data.Fingerprint, c.Run.Data.Counts
	}
	if t.Fingerprint != c.Run.Data.Fingerprint {
		return fmt.Errorf("the data set %s changed during the search for one recipe: its points can't be compared; remove %s from the results", t.Task, searchFolder)
	}
	return nil
}

// settle chooses the point with the best mean.
func (o *OneRecipe) settle(s *oneSearch) error {
	for i := range o.Points {
		if mean := o.mean(o.Points[i]); !math.IsNaN(mean) {
			o.Points[i].Mean = &mean
		}
	}
	best := -1
	for i, t := range o.Points {
		if t.Mean != nil && (best < 0 || *t.Mean > *o.Points[best].Mean) {
			best = i
		}
	}
	if best < 0 {
		return fmt.Errorf("no recipe is chosen for %s: every point of %s diverged on a task (%s); name other values with --grid", s.method, o.Grid, o.Points[0].Failed[0])
	}
	o.Point = o.Points[best].Point
	var err error
	if o.Recipe, err = s.base.With(o.Point); err != nil {
		return err
	}
	var tasks []string
	for _, t := range o.Tasks {
		tasks = append(tasks, t.Task)
	}
	o.Recipe.Name = RecipeOne
	o.Recipe.Note = fmt.Sprintf("%s, chosen on val200 of %s with seed %d as the best of %d points of %s", o.Point, strings.Join(tasks, ", "), o.Seed, len(o.Points), o.Grid)
	return nil
}

// best returns the point that was chosen.
func (o *OneRecipe) best() TriedPoint {
	i := slices.IndexFunc(o.Points, func(t TriedPoint) bool { return reflect.DeepEqual(t.Point, o.Point) })
	if i < 0 {
		return TriedPoint{}
	}
	return o.Points[i]
}

// mean returns the mean over the tasks, NaN if one has no accuracy.
func (o *OneRecipe) mean(t TriedPoint) float64 {
	sum := 0.0
	for _, task := range o.Tasks {
		v, ok := t.Top1[task.Task]
		if !ok {
			return math.NaN()
		}
		sum += v
	}
	return sum / float64(len(o.Tasks))
}

// write writes the file atomically. Processes that choose at the same time write the same but for the time, as they
// read the same cells.
func (o *OneRecipe) write(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return fmt.Errorf("results: %w", err)
	}
	return result.WriteJSON(path, o)
}

// ReadOneRecipe reads a file that a call with RecipeOne has written. The error wraps fs.ErrNotExist for a missing file.
func ReadOneRecipe(path string) (*OneRecipe, error) {
	b, err := limit.ReadFile(path, limit.Text)
	if err != nil {
		return nil, fmt.Errorf("reading the one recipe: %w", err)
	}
	o := &OneRecipe{}
	if err := result.Decode(b, o); err == nil && (o.Format != oneFormat || o.Method == "" || o.Recipe.Name != RecipeOne || len(o.Points) == 0) {
		err = errors.New("not the one recipe of a method")
		return nil, damagedOne(path, err)
	} else if err != nil {
		return nil, damagedOne(path, err)
	}
	return o, nil
}

func damagedOne(path string, err error) error {
	return fmt.Errorf("%s: %w (remove the file to choose the recipe again, from the cells that the search has left)", path, err)
}

// earlier returns the recipe that an earlier call or another process has chosen, nil if there is none. One that was chosen by something else
// than this call asks for is an error.
func (s *oneSearch) earlier() (*OneRecipe, error) {
	o, err := ReadOneRecipe(s.path())
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case err != nil:
		return nil, err
	}
	asked := s.empty()
	chosenWith := func(what string, had, asked any) error {
		return runner.Usagef("%s was chosen with %s %v, but this call asks for %v: choose another --out, or remove the file to choose again", s.path(), what, had, asked)
	}
	if d := o.Backbone.Difference(asked.Backbone); d != nil {
		return nil, chosenWith(d.Setting, d.First, d.Second)
	}
	for _, v := range []struct {
		what       string
		had, asked any
	}{
		{"the method", o.Method, asked.Method},
		{"the grid", spelled(o.Grid, s), asked.Grid},
		{"the tasks", o.taskNames(), asked.taskNames()},
		{"--set", o.Overrides.String(), asked.Overrides.String()},
		{"the base", fmt.Sprintf("%+v", o.Base), fmt.Sprintf("%+v", asked.Base)},
		{"--precision", o.Settings.Precision, asked.Settings.Precision},
		{"approximate gradients", o.Settings.Approximate, asked.Settings.Approximate},
		{"--drop-path-scope", o.Settings.DropPathScope, asked.Settings.DropPathScope},
	} {
		if v.had != v.asked {
			return nil, chosenWith(v.what, v.had, v.asked)
		}
	}
	return o, nil
}

// spelled is the grid of a file, or that of the search if both have the same points.
func spelled(text string, s *oneSearch) string {
	g, err := parseGrid(text, s.Options())
	names := func(g grid) (list []string) {
		for _, p := range g.points() {
			list = append(list, p.String())
		}
		slices.Sort(list)
		return list
	}
	if err == nil && slices.Equal(names(g), names(s.grid)) {
		return s.grid.String()
	}
	return text
}

func (o *OneRecipe) taskNames() string {
	var names []string
	for _, t := range o.Tasks {
		names = append(names, t.Task)
	}
	return strings.Join(names, ", ")
}
