package vtab

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"path/filepath"
	"slices"
	"strings"

	"dtl-tf/dtl"
	"dtl-tf/runner"
	"dtl-tf/runner/internal/stat"
	"dtl-tf/runner/internal/suite"
	"dtl-tf/runner/recipe"
	"dtl-tf/runner/report"
	"dtl-tf/runner/result"
	"dtl-tf/runner/sweep"
)

// maxTableWidth is the width in characters that the table of a search may take.
const maxTableWidth = 120

// Search trains a method on train800 of a task with every point of a grid, and evaluates it on val200. It prints the points by
// accuracy, and the best one as an argument of --set. It does not open the test images, and trains only unfinished cells.
func Search(ctx context.Context, c Config, ui runner.UI, format string) error {
	if c.Grid == "" {
		return runner.Usagef("--grid is required, such as 'lr=1e-3,5e-3;drop_path=0,0.1'")
	}
	if _, err := suite.TaskOf(c.Tasks); err != nil {
		return runner.Usagef("--task %q: a search needs exactly one: %w", c.Tasks, err)
	}
	if !slices.Contains(dtl.Names(), c.Methods) {
		return runner.Usagef("--method %q: a search needs exactly one of %s", c.Methods, strings.Join(dtl.Names(), ", "))
	}
	if !slices.Contains(report.Formats(), format) {
		return runner.Unknown("format", format, report.Formats())
	}
	training := ui
	training.Out = ui.Err // stdout is for the table
	p, err := newPlan(c)
	if err != nil {
		return err
	}
	runErr := p.run(ctx, training)
	var failed *sweep.FailedError
	if runErr != nil && !errors.As(runErr, &failed) {
		return runErr
	}
	outcomes, err := p.outcomes()
	if err != nil {
		return errors.Join(runErr, err)
	}
	if err := p.print(ui, format, outcomes); err != nil {
		return err
	}
	return runErr
}

// outcome is a point of the grid with the accuracies of its seeds.
type outcome struct {
	point   recipe.Overrides
	top1    []float64
	missing string // why an accuracy is missing, "" if none is
}

func (o outcome) mean() float64 {
	if o.missing != "" {
		return math.Inf(-1)
	}
	return stat.Mean(o.top1)
}

// outcomes reads the cells of all points, including those of other shards, and returns the best point first. Points with equal
// accuracies stay in the order of the grid.
func (p *plan) outcomes() ([]outcome, error) {
	var list []outcome
	for _, point := range p.points {
		o := outcome{point: point}
		for _, seed := range p.Choice.Seeds {
			cell, err := ReadCell(CellPath(filepath.Join(p.Out, point.String()), p.tasks[0].Folder, p.Choice.Methods[0], seed))
			switch {
			case errors.Is(err, fs.ErrNotExist):
				o.missing = "not trained yet"
			case err != nil:
				return nil, err
			case cell.Status == result.Failed:
				o.missing = "failed: " + cell.Error
			case cell.Run.Accuracy == nil:
				o.missing = "no accuracy"
			default:
				o.top1 = append(o.top1, cell.Run.Accuracy.Top1)
			}
		}
		list = append(list, o)
	}
	slices.SortStableFunc(list, func(a, b outcome) int { return cmp.Compare(b.mean(), a.mean()) })
	return list, nil
}

// print writes the table of the points and the best point.
func (p *plan) print(ui runner.UI, format string, list []outcome) error {
	best, worst := list[0], list[len(list)-1]
	t := report.Table{MaxWidth: maxTableWidth}
	for _, axis := range p.grid.names() {
		t.Columns = append(t.Columns, report.Column{Key: axis, Title: axis, Right: true})
	}
	t.Columns = append(t.Columns, report.Column{Key: "val_top1", Title: "val top-1\n%", Right: true, Text: report.Fixed(2)},
		report.Column{Key: "val_top1_std", Title: "std", Right: true, Text: report.Fixed(2), Data: len(p.Choice.Seeds) < 2},
		report.Column{Key: "note", Title: "note", Cut: true, Data: worst.missing == ""})
	for _, o := range list {
		var row []any
		for _, axis := range p.grid.names() {
			row = append(row, o.point[axis])
		}
		var top1, std, note any
		switch {
		case o.missing != "":
			note = o.missing
		case len(o.top1) > 1:
			top1, std = o.mean(), stat.Deviation(o.top1)
		default:
			top1 = o.mean()
		}
		t.Rows = append(t.Rows, append(row, top1, std, note))
	}
	if err := t.Render(ui.Out, format); err != nil || best.missing != "" {
		return err
	}
	out := ui.Out
	if format == report.CSV || format == report.JSON { // other programs read the table
		out = ui.Err
	}
	tied := -1 // without the best itself
	for _, o := range list {
		if o.mean() == best.mean() {
			tied++
		}
	}
	fmt.Fprintf(out, "Trained on train800, evaluated on val200 with %s; test images were not opened. Best with %s on %s",
		report.Count(len(p.Choice.Seeds), "seed"), p.Choice.Methods[0], p.tasks[0].Folder)
	if tied > 0 {
		fmt.Fprintf(out, " (as good: %s, later in the grid)", report.Count(tied, "other point"))
	}
	_, err := fmt.Fprintf(out, ":\n  --set %s\n", p.overridesAt(best.point, p.Choice.Methods[0]))
	return err
}
