package vtab

import (
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"dtl-tf/runner"
	"dtl-tf/runner/data"
	"dtl-tf/runner/finetune"
	"dtl-tf/runner/internal/suite"
	"dtl-tf/runner/recipe"
	"dtl-tf/runner/result"
	"dtl-tf/runner/sweep"
	"dtl-tf/runner/train"
)

// Config holds the settings of a sweep.
type Config struct {
	sweep.Config        // Data is the folder with the tasks' folders
	Tasks        string // as suite.Select takes them

	// Grid makes the sweep a search: "lr=1e-3,5e-3;drop_path=0,0.1". Each point is trained on train800 and evaluated on val200.
	Grid string
}

// Run trains the missing cells and prints a summary, as sweep.Run does.
func Run(ctx context.Context, c Config, ui runner.UI) error {
	p, err := newPlan(c)
	if err != nil {
		return err
	}
	return p.run(ctx, ui)
}

// maxPoints is more than anyone trains, and less than a typing mistake in a grid can ask for.
const maxPoints = 10_000

// plan is a Config with its lists parsed.
type plan struct {
	Config
	sweep.Choice
	tasks  []suite.Task
	axes   []string           // the settings in the grid
	points []recipe.Overrides // of the grid; without a grid a single one that overrides nothing
}

// job is a cell to train.
type job struct {
	task      suite.Task
	method    string
	seed      uint64
	point     recipe.Overrides // empty except in a search
	recipe    recipe.Recipe    // as published
	overrides recipe.Overrides // of --set and the point, for this method
	config    finetune.Config
}

// name returns the key of the cell, after the point of a search.
func (j job) name() string {
	return strings.TrimSpace(fmt.Sprintf("%s %s %s seed %d", j.point, j.task.Folder, j.method, j.seed))
}

// newPlan parses the lists of a Config. Its errors are UsageErrors.
func newPlan(c Config) (p *plan, err error) {
	p = &plan{Config: c, points: []recipe.Overrides{{}}}
	if p.tasks, err = suite.Select(c.Tasks); err != nil {
		return nil, runner.Usagef("--tasks: %w", err)
	}
	if p.Choice, err = c.Parse(); err != nil {
		return nil, err
	}
	return p, p.parseGrid()
}

// run trains the missing cells.
func (p *plan) run(ctx context.Context, ui runner.UI) error {
	if err := p.CheckFolders("the tasks' folders"); err != nil {
		return err
	}
	return sweep.Run(ctx, p.Config.Config, func(c sweep.Config, backbone result.Backbone) ([]sweep.Job, error) {
		p.Config.Config = c
		jobs, err := p.jobs(backbone.Architecture)
		var list []sweep.Job
		for _, j := range jobs {
			list = append(list, p.job(j))
		}
		return list, err
	}, ui)
}

// parseGrid combines the values of the settings in --grid. The first setting varies fastest.
func (p *plan) parseGrid() error {
	if p.Grid == "" {
		return nil
	}
	options, count := p.Options(), 1
	for axis := range strings.SplitSeq(p.Grid, ";") {
		setting, values, ok := strings.Cut(axis, "=")
		if !ok {
			return runner.Usagef("--grid: %q: want NAME=VALUE,VALUE,... and a semicolon before the next name", axis)
		}
		if count *= strings.Count(values, ",") + 1; count > maxPoints {
			return runner.Usagef("--grid has more than %d points", maxPoints)
		}
		var name string
		var seen []string
		var points []recipe.Overrides
		for text := range strings.SplitSeq(values, ",") {
			var value string
			var err error
			if name, value, err = recipe.ParseOverride(setting+"="+text, options); err != nil {
				return runner.Usagef("--grid: %w", err)
			}
			if strings.ContainsAny(value, `/\`) { // points are names of folders
				return runner.Usagef("--grid: %s=%s: %q is not a value of a setting", name, value, value)
			}
			if slices.Contains(seen, value) {
				continue
			}
			seen = append(seen, value)
			for _, point := range p.points {
				point = maps.Clone(point)
				point[name] = value
				points = append(points, point)
			}
		}
		if slices.Contains(p.axes, name) {
			return runner.Usagef("--grid: %s is given twice", name)
		}
		p.axes, p.points = append(p.axes, name), points
	}
	return nil
}

// jobs returns the cells of all shards. All tasks and methods of the first seed come first, to complete a table early.
func (p *plan) jobs(architecture string) (list []job, err error) {
	for _, seed := range p.Choice.Seeds {
		for _, task := range p.tasks {
			for _, method := range p.Choice.Methods {
				for _, point := range p.points {
					j := job{
						task: task, method: method, seed: seed, point: point,
						recipe: RecipeOf(task, method, architecture), overrides: p.overridesAt(point, method),
					}
					if j.config, err = p.fineTune(j); err != nil {
						return nil, err
					}
					list = append(list, j)
				}
			}
		}
	}
	return list, nil
}

// job returns a cell in the form that the engine takes.
func (p *plan) job(j job) sweep.Job {
	return sweep.Job{
		Name: j.name(), Set: j.task.Folder, Method: j.method,
		File: p.cellPath(j), Folder: p.runFolder(j),
		Recipe: j.recipe, Overrides: j.overrides, Config: j.config,
		Find: func(f *finetune.Config) (err error) {
			f.Data, err = j.task.Dir(p.Data)
			return err
		},
		New: func() sweep.Cell { return &Cell{Task: j.task.Folder, Method: j.method, Seed: j.seed} },
		Read: func(path string) (sweep.Cell, error) {
			c, err := ReadCell(path)
			return &c, err
		},
	}
}

// overridesAt returns the overrides of a method at a point of the grid.
func (p *plan) overridesAt(point recipe.Overrides, method string) recipe.Overrides {
	o := p.OverridesOf(method)
	maps.Copy(o, point)
	return o
}

// fineTune returns the configuration of a cell's training, without its data.
func (p *plan) fineTune(j job) (finetune.Config, error) {
	f, err := p.WithRecipe(j.method, j.recipe, j.overrides)
	if err != nil {
		return f, err
	}
	f.Data, f.Out = "", p.runFolder(j)
	f.Init, f.Schedule, f.Shuffle, f.Augment = finetune.InitPretrained, train.Cosine, true, data.AugmentNone
	f.Seed, f.Classes = j.seed, j.task.Classes
	if p.Grid != "" {
		f.TrainSplit, f.EvalSplit = data.Train, data.Val
	}
	return f, nil
}

// results returns the folder of results of a cell. A search has one for each point.
func (p *plan) results(j job) string { return filepath.Join(p.Out, j.point.String()) }

// cellPath returns the path of the cell's file.
func (p *plan) cellPath(j job) string {
	return CellPath(p.results(j), j.task.Folder, j.method, j.seed)
}

// runFolder returns the cell's run folder.
func (p *plan) runFolder(j job) string {
	return WorkPath(p.results(j), j.task.Folder, j.method, j.seed)
}
