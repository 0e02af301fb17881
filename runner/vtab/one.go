package vtab

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"dtl-tf/runner"
	"dtl-tf/runner/internal/suite"
	"dtl-tf/runner/recipe"
	"dtl-tf/runner/report"
	"dtl-tf/runner/result"
	"dtl-tf/runner/sweep"
)

// OneFolder is suite.OneFolder.
const OneFolder = suite.OneFolder

// searchFolder is the folder, in the folder of results, of the cells that such a recipe is chosen by. It has one folder of results for each
// point. Its name hides it from tables.
const searchFolder = ".search"

// oneSearch is the search for one recipe of a method.
type oneSearch struct {
	*plan
	method   string
	base     recipe.Recipe
	grid     grid
	tasks    []suite.Task // whose data is at hand
	absent   []string     // the others
	backbone result.Backbone
}

// checkOne returns a UsageError if --set fixes what a grid varies, or if a method has nothing in the grid.
func (p *plan) checkOne() error {
	for _, method := range p.Choice.Methods {
		g := p.grid.of(method)
		switch {
		case p.Grid == "":
			g, _ = parseGrid(defaultGrid(baseOf(method, "")), nil)
		case len(g) == 0:
			return runner.Usagef("--grid %s has no setting of the method %s", p.Grid, method)
		}
		for _, name := range g.names() {
			if value, ok := p.OverridesOf(method)[name]; ok {
				return runner.Usagef("--set %s=%s and the grid %s of %s contradict each other: leave one of them out", name, value, g, method)
			}
		}
	}
	return nil
}

// newOneSearch returns the search of a method on a backbone.
func (p *plan) newOneSearch(method string, backbone result.Backbone) (*oneSearch, error) {
	s := &oneSearch{plan: p, method: method, base: baseOf(method, backbone.Architecture), grid: p.grid.of(method), backbone: backbone}
	if p.Grid == "" {
		var err error
		if s.grid, err = parseGrid(defaultGrid(s.base), nil); err != nil {
			return nil, err
		}
	}
	for _, task := range p.tasks {
		if _, err := task.Dir(p.Data); err != nil {
			s.absent = append(s.absent, task.Folder)
			continue
		}
		s.tasks = append(s.tasks, task)
	}
	if len(s.tasks) == 0 {
		_, err := p.tasks[0].Dir(p.Data)
		return nil, fmt.Errorf("one recipe for all tasks is chosen on the tasks at hand, and there are none: %w", err)
	}
	return s, nil
}

// seed is that of the cells of a search.
func (p *plan) searchSeed() uint64 { return p.Choice.Seeds[0] }

// results returns the folder of results of a point.
func (s *oneSearch) results(point recipe.Overrides) string {
	return filepath.Join(s.Out, searchFolder, point.String())
}

// jobs returns the cells of all points on a task.
func (s *oneSearch) jobs(task suite.Task) (list []sweep.Job, err error) {
	for _, point := range s.grid.points() {
		j := job{
			task: task, method: s.method, seed: s.searchSeed(), search: true, results: s.results(point), point: point,
			recipe: s.base, overrides: s.overridesAt(point, s.method),
		}
		if j.config, err = s.fineTune(j); err != nil {
			return nil, err
		}
		list = append(list, s.job(j))
	}
	return list, nil
}

// chooseOne finds the recipe of every method that is the same for all tasks: the one that an earlier call or another process has chosen, or
// the best point of a search. Every process works on the whole search, whatever its shard, because all need its result; those of its shard
// come first.
func (p *plan) chooseOne(ctx context.Context, backbone result.Backbone, ui runner.UI) error {
	p.one = map[string]recipe.Recipe{}
	var open []*oneSearch
	for _, method := range p.Choice.Methods {
		s, err := p.newOneSearch(method, backbone)
		if err != nil {
			return err
		}
		if len(open) == 0 && len(p.one) == 0 && len(s.absent) > 0 {
			ui.Note("one recipe is chosen on %s; %s has no folder for %s", report.Count(len(s.tasks), "task"), p.Data, strings.Join(s.absent, ", "))
		}
		chosen, err := s.earlier()
		switch {
		case err != nil:
			return err
		case chosen == nil:
			open = append(open, s)
		default:
			p.one[method] = chosen.Recipe
			ui.Note("one recipe for %s, chosen before: %s (%s)", method, chosen.Point, s.path())
		}
	}
	if len(open) == 0 {
		return nil
	}
	failed, err := p.trainSearches(ctx, open, backbone, ui)
	if err != nil {
		return err
	}
	for _, s := range open {
		chosen, err := s.choose(failed, ui.Version)
		if err != nil {
			return err
		}
		p.one[s.method] = chosen.Recipe
		ui.Note("%s", chosen.words(s.grid))
		ui.Note("  recorded in %s", s.path())
	}
	return nil
}

// trainSearches trains the cells of searches. failed says that some of them failed.
func (p *plan) trainSearches(ctx context.Context, open []*oneSearch, backbone result.Backbone, ui runner.UI) (failed, err error) {
	var list []sweep.Job
	for _, task := range open[0].tasks {
		for _, s := range open {
			jobs, err := s.jobs(task)
			if err != nil {
				return nil, err
			}
			list = append(list, jobs...)
		}
	}
	var words []string
	for _, s := range open {
		words = append(words, fmt.Sprintf("%s of %s for %s", report.Count(len(s.grid.points()), "point"), s.grid, s.method))
	}
	ui.Note("one recipe for all tasks: a search on train800 and val200 of %s, seed %d, with %s", report.Count(len(open[0].tasks), "task"), p.searchSeed(), strings.Join(words, "; "))
	mine := map[string]bool{}
	for _, j := range p.OfShard(slices.Clone(list)) {
		mine[j.Name] = true
	}
	slices.SortStableFunc(list, func(a, b sweep.Job) int { return rank(mine[a.Name]) - rank(mine[b.Name]) })
	c := p.Config.Config
	c.Memory, c.Table, c.Out = false, "", filepath.Join(p.Out, searchFolder)
	training := ui
	training.Out = ui.Err // stdout is for the table's cells
	err = sweep.RunJobs(ctx, c, backbone, list, training)
	if errors.As(err, new(*sweep.FailedError)) {
		return err, nil
	}
	return nil, err
}

func rank(first bool) int {
	if first {
		return 0
	}
	return 1
}

// choose reads the cells of all points and records the best one, unless another process has done so. A point that diverged on a task is out
// of the choice. Another failure, which the next call may not have, prevents the choice: it would depend on the failure.
func (s *oneSearch) choose(failed error, version string) (*OneRecipe, error) {
	if earlier, err := s.earlier(); earlier != nil || err != nil {
		return earlier, err
	}
	o := s.empty()
	o.Program, o.Chosen = version, result.Now()
	for _, point := range s.grid.points() {
		tried := TriedPoint{Point: point}
		for i, task := range s.tasks {
			c, err := ReadCell(CellPath(s.results(point), task.Folder, s.method, s.searchSeed()))
			switch {
			case errors.Is(err, fs.ErrNotExist):
				return nil, fmt.Errorf("the search for one recipe of %s lacks a cell, which something has removed: %w", s.method, err)
			case err != nil:
				return nil, err
			case c.Status == result.Failed && !c.Diverged:
				return nil, fmt.Errorf("no recipe is chosen for %s, because its search is incomplete: %w", s.method, failed)
			case c.Status == result.Failed:
				tried.Failed = append(tried.Failed, task.Folder+": "+c.Error)
				continue
			}
			if err := o.Tasks[i].add(c); err != nil {
				return nil, err
			}
			if tried.Top1 == nil {
				tried.Top1 = map[string]float64{}
			}
			tried.Top1[task.Folder] = c.Run.Accuracy.Top1
		}
		o.Points = append(o.Points, tried)
	}
	if err := o.settle(s); err != nil {
		return nil, err
	}
	return o, o.write(s.path())
}

// words says what was chosen.
func (o *OneRecipe) words(g grid) string {
	text := fmt.Sprintf("one recipe for %s: %s, with %.2f %% on val200 as the mean of %s the best of %s",
		o.Method, o.Point, o.mean(o.best()), report.Count(len(o.Tasks), "task"), report.Count(len(o.Points), "point"))
	if n := len(slices.DeleteFunc(slices.Clone(o.Points), func(t TriedPoint) bool { return len(t.Failed) == 0 })); n > 0 {
		text += fmt.Sprintf(" (%s diverged)", report.Count(n, "point"))
	}
	for _, a := range g {
		if end := a.end(o.Point[a.name]); end != "" {
			text += fmt.Sprintf("; %s=%s is the %s of the grid, a wider one may have better values", a.name, o.Point[a.name], end)
		}
	}
	return text
}
