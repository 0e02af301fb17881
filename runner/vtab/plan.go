package vtab

import (
	"cmp"
	"context"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"dtl-tf/graph"
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
	Tasks        string // as suite.Select takes them, "" for those that have a folder

	Recipe string // one of Recipes, "" for RecipePublished

	// Grid makes the sweep a search: "lr=1e-3,5e-3;drop_path=0,0.1". Each point is trained on train800 and evaluated on val200. With
	// RecipeOne, it is the grid of which the recipe is chosen; "" is a default for each method.
	Grid string
}

// What --recipe accepts.
const (
	RecipePublished = "published" // a recipe for each task, as papers publish it
	RecipeOne       = "one"       // the same for all tasks, chosen on their validation images: see OneRecipe
)

// Recipes lists what --recipe accepts.
func Recipes() []string { return []string{RecipePublished, RecipeOne} }

// Run trains the missing cells and prints a summary, as sweep.Run does.
func Run(ctx context.Context, c Config, ui runner.UI) error {
	if c.Grid != "" && c.Recipe != RecipeOne {
		return runner.Usagef("--grid needs --recipe one: the published recipes are not chosen from a grid ('dtl-tf vtab search' tries one on a task)")
	}
	p, err := newPlan(c)
	if err != nil {
		return err
	}
	return p.run(ctx, ui)
}

// plan is a Config with its lists parsed.
type plan struct {
	Config
	sweep.Choice
	tasks  []suite.Task
	grid   grid
	points []recipe.Overrides       // of the grid in a search, otherwise a single one that overrides nothing
	one    map[string]recipe.Recipe // with RecipeOne, by method
}

// job is a cell to train.
type job struct {
	task      suite.Task
	method    string
	seed      uint64
	search    bool             // on train800, evaluated on val200
	results   string           // folder of results
	point     recipe.Overrides // empty except in a search
	recipe    recipe.Recipe    // as published, or the one of all tasks
	overrides recipe.Overrides // of --set and the point, for this method
	config    finetune.Config
}

// name returns the key of the cell, after the point of a search.
func (j job) name() string {
	return strings.TrimSpace(j.point.String() + " " + j.cell().Key())
}

// cell returns the cell with its names and its recipe.
func (j job) cell() Cell {
	return Cell{Task: j.task.Folder, Method: j.method, Seed: j.seed, Outcome: sweep.Outcome{Recipe: j.recipe}}
}

// newPlan parses the lists of a Config. Its errors are UsageErrors.
func newPlan(c Config) (p *plan, err error) {
	p = &plan{Config: c}
	if p.Recipe = cmp.Or(p.Recipe, RecipePublished); !slices.Contains(Recipes(), p.Recipe) {
		return nil, runner.Unknown("recipe", p.Recipe, Recipes())
	}
	if p.tasks, err = suite.Select(cmp.Or(c.Tasks, suite.All)); err != nil {
		return nil, runner.Usagef("--tasks: %w", err)
	}
	if p.Choice, err = c.Parse(); err != nil {
		return nil, err
	}
	if p.grid, err = parseGrid(p.Grid, p.Options()); err != nil {
		return nil, err
	}
	if p.Recipe == RecipeOne {
		p.points = grid{}.points()
		return p, p.checkOne()
	}
	p.points = p.grid.points()
	return p, p.checkGrid()
}

// checkGrid returns a UsageError if another flag fixes what the grid of a search varies.
func (p *plan) checkGrid() error {
	for _, a := range p.grid {
		if value, ok := p.Choice.Overrides[a.name]; ok {
			return runner.Usagef("--set %s=%s and --grid %s contradict each other: leave one of them out", a.name, value, p.grid)
		}
		if a.name == recipe.Precision && cmp.Or(p.Precision, graph.FP32) != graph.FP32 {
			return runner.Usagef("--precision %s and --grid %s contradict each other: leave one of them out", p.Precision, p.grid)
		}
	}
	return nil
}

// searches reports whether the cells are those of a search.
func (p *plan) searches() bool { return p.Grid != "" && p.Recipe != RecipeOne }

// run trains the missing cells.
func (p *plan) run(ctx context.Context, ui runner.UI) error {
	if err := p.CheckFolders("the tasks' folders"); err != nil {
		return err
	}
	if p.Tasks == "" {
		if err := p.keepPresent(ui); err != nil {
			return err
		}
	}
	if !p.searches() {
		p.Table = "dtl-tf vtab table"
	}
	return sweep.Run(ctx, p.Config.Config, func(c sweep.Config, backbone result.Backbone) ([]sweep.Job, error) {
		p.Config.Config = c
		if p.Recipe == RecipeOne {
			if err := p.chooseOne(ctx, backbone, ui); err != nil {
				return nil, err
			}
		}
		jobs, err := p.jobs(backbone.Architecture)
		var list []sweep.Job
		for _, j := range jobs {
			list = append(list, p.job(j))
		}
		return list, err
	}, ui)
}

// keepPresent leaves out the tasks that have no folder and names them.
func (p *plan) keepPresent(ui runner.UI) error {
	var absent []string
	p.tasks = slices.DeleteFunc(p.tasks, func(t suite.Task) bool {
		_, err := t.Dir(p.Data)
		if err != nil {
			absent = append(absent, t.Folder)
		}
		return err != nil
	})
	if len(p.tasks) == 0 {
		return runner.Usagef("--data %s has no folder of any VTAB-1k task: their folders are named %s", p.Data, strings.Join(absent, ", "))
	}
	if len(absent) > 0 {
		ui.Note("%s has no folder for %d of the 19 tasks, which are left out: %s", p.Data, len(absent), strings.Join(absent, ", "))
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
						search: p.searches(), results: filepath.Join(p.Out, point.String()), // a search has one for each point
						recipe: RecipeOf(task, method, architecture), overrides: p.overridesAt(point, method),
					}
					if one, ok := p.one[method]; ok {
						j.recipe = one
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
		File: j.cell().Path(j.results), Folder: j.cell().workPath(j.results),
		Recipe: j.recipe, Overrides: j.overrides, Config: j.config, Joins: j.search,
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
	f.Data, f.Out = "", j.cell().workPath(j.results)
	f.Init, f.Schedule, f.Shuffle, f.Augment = finetune.InitPretrained, train.Cosine, true, data.AugmentNone
	f.Seed, f.Classes = j.seed, j.task.Classes
	if j.search {
		f.TrainSplit, f.EvalSplit = data.Train, data.Val
	}
	return f, nil
}
