package sweep

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math"
	"slices"
	"strings"

	"dtl-tf/runner/internal/stat"

	"dtl-tf/dtl"
	"dtl-tf/runner"
	"dtl-tf/runner/report"
	"dtl-tf/runner/result"
	"dtl-tf/runner/suite"
	"dtl-tf/runner/vtab"
)

// mostPoints is far more than anybody trains, and less than a slip of the keyboard can ask for.
const mostPoints = 10_000

// points are the combinations of a grid, the last setting varying fastest; without a grid one that changes nothing.
func (c Config) points(methods []string) ([]vtab.Overrides, error) {
	points := []vtab.Overrides{{}}
	if c.Grid == "" {
		return points, nil
	}
	var options []string
	for _, m := range methods {
		options = append(options, dtl.OptionNames(m)...)
	}
	seen := map[string]bool{}
	for axis := range strings.SplitSeq(c.Grid, ";") {
		name, values, ok := strings.Cut(axis, "=")
		if !ok {
			return nil, runner.Usagef("--grid: %q: wanted is NAME=VALUE,VALUE,... and a semicolon before the next name", axis)
		}
		var next []vtab.Overrides
		for value := range strings.SplitSeq(values, ",") {
			one, err := vtab.ParseOverrides(name+"="+value, options)
			if err != nil {
				return nil, runner.Usagef("--grid: %w", err)
			}
			for key, value := range one {
				name = key
				if strings.ContainsAny(value, `/\`) {
					return nil, runner.Usagef("--grid: %s=%s: %q is no value of a setting", key, value, value)
				}
			}
			for _, p := range points {
				q := maps.Clone(p)
				maps.Copy(q, one)
				next = append(next, q)
			}
		}
		if seen[name] {
			return nil, runner.Usagef("--grid: %s is given twice", name)
		}
		seen[name] = true
		if points = next; len(points) > mostPoints {
			return nil, runner.Usagef("--grid has more than %d points", mostPoints)
		}
	}
	unique := map[string]bool{}
	return slices.DeleteFunc(points, func(p vtab.Overrides) bool {
		twice := unique[p.String()]
		unique[p.String()] = true
		return twice
	}), nil
}

// Search trains one method on train800 of one task with every point of a grid, evaluates it on val200 and prints the points by
// accuracy and the winner as Run takes it. The test images are never opened. What is finished is not trained again.
func Search(ctx context.Context, c Config, ui runner.UI, format string) error {
	if c.Grid == "" {
		return runner.Usagef("--grid is required, such as 'lr=1e-3,5e-3;drop_path=0,0.1'")
	}
	for _, one := range []struct{ flag, value string }{{"task", c.Tasks}, {"method", c.Methods}} {
		if one.value == "" || one.value == suite.All || strings.Contains(one.value, ",") {
			return runner.Usagef("--%s %q: a search needs exactly one", one.flag, one.value)
		}
	}
	if !slices.Contains(report.Formats(), format) {
		return runner.Usagef("--format %q is unknown: use one of %s", format, strings.Join(report.Formats(), ", "))
	}
	training := ui
	training.Out = ui.Err // stdout is for the table
	s, err := newSweep(ctx, c, training)
	if err != nil {
		return err
	}
	runErr := s.run(ctx)
	if errors.Is(runErr, context.Canceled) {
		return runErr
	}
	// Every machine prints what is there, of other machines' points too.
	c.Shard = ""
	all, err := c.jobs(s.architecture)
	if err != nil {
		return err
	}
	outcomes, err := c.outcomes(all)
	if err != nil {
		return errors.Join(runErr, err)
	}
	if err := c.print(ui, format, outcomes); err != nil {
		return err
	}
	return runErr
}

// outcome is a point of the grid and the accuracies of its seeds.
type outcome struct {
	job  job
	top1 []float64
	why  string // it failed, or is not there
}

func (o outcome) mean() float64 {
	if o.why != "" || len(o.top1) == 0 {
		return math.Inf(-1)
	}
	return stat.Mean(o.top1)
}

// outcomes reads the cells of all points, the best first. Of equal ones the earlier in the grid is.
func (c Config) outcomes(all []job) ([]outcome, error) {
	var list []outcome
	for _, j := range all {
		at := slices.IndexFunc(list, func(o outcome) bool { return o.job.point == j.point })
		if at < 0 {
			at = len(list)
			list = append(list, outcome{job: j})
		}
		cell, err := vtab.ReadCell(vtab.CellPath(c.root(j), j.task.Folder, j.method, j.seed))
		switch {
		case errors.Is(err, fs.ErrNotExist):
			list[at].why = "not trained yet"
		case err != nil:
			return nil, err
		case cell.Status == result.Failed:
			list[at].why = "failed: " + cell.Error
		case cell.Run.Accuracy == nil:
			list[at].why = "no accuracy"
		default:
			list[at].top1 = append(list[at].top1, cell.Run.Accuracy.Top1)
		}
	}
	slices.SortStableFunc(list, func(a, b outcome) int {
		switch x, y := a.mean(), b.mean(); {
		case x > y:
			return -1
		case x < y:
			return 1
		}
		return 0
	})
	return list, nil
}

// print shows the grid and the winner.
func (c Config) print(ui runner.UI, format string, list []outcome) error {
	seeds := len(strings.Split(c.Seeds, ","))
	t := report.Table{MaxWidth: 120}
	axes := axes(c.Grid)
	for _, axis := range axes {
		t.Columns = append(t.Columns, report.Column{Key: axis, Title: axis, Right: true})
	}
	t.Columns = append(t.Columns, report.Column{Key: "val_top1", Title: "val top-1\n%", Right: true, Text: report.Fixed(2)},
		report.Column{Key: "val_top1_std", Title: "std", Right: true, Text: report.Fixed(2), Data: seeds < 2},
		report.Column{Key: "note", Title: "note", Cut: true, Data: list[len(list)-1].why == ""})
	for _, o := range list {
		var row []any
		point, err := vtab.ParseOverrides(o.job.point, dtl.OptionNames(o.job.method))
		if err != nil {
			return err
		}
		for _, axis := range axes {
			row = append(row, point[axis])
		}
		var top1, std, why any
		if o.why == "" {
			top1 = o.mean()
			if len(o.top1) > 1 {
				std = stat.Deviation(o.top1)
			}
		} else {
			why = o.why
		}
		t.Rows = append(t.Rows, append(row, top1, std, why))
	}
	if err := t.Render(ui.Out, format); err != nil {
		return err
	}
	best := list[0]
	if best.why != "" {
		return nil
	}
	into := ui.Out
	if format == report.CSV || format == report.JSON { // what reads those wants nothing else
		into = ui.Err
	}
	tied := 0
	for _, o := range list[1:] {
		if o.mean() == best.mean() {
			tied++
		}
	}
	fmt.Fprintf(into, "Trained on train800, evaluated on val200 with %s; test images were not opened. Best with %s on %s", plural(seeds, "seed"), best.job.method, best.job.task.Folder)
	if tied > 0 {
		fmt.Fprintf(into, " (as good: %s, later in the grid)", plural(tied, "other point"))
	}
	_, err := fmt.Fprintf(into, ":\n  --set %s\n", best.job.overrides)
	return err
}

// axes are the settings of a grid that has been read before, properly spelled.
func axes(grid string) []string {
	var names, options []string
	for _, o := range dtl.AllOptions() {
		options = append(options, o.Name)
	}
	for axis := range strings.SplitSeq(grid, ";") {
		name, values, _ := strings.Cut(axis, "=")
		first, _, _ := strings.Cut(values, ",")
		one, _ := vtab.ParseOverrides(name+"="+first, options)
		for name := range one {
			names = append(names, name)
		}
	}
	return names
}
