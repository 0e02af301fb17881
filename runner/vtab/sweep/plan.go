package sweep

import (
	"cmp"
	"fmt"
	"hash/fnv"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"dtl-tf/dtl"
	"dtl-tf/graph"
	"dtl-tf/runner"
	"dtl-tf/runner/data"
	"dtl-tf/runner/finetune"
	"dtl-tf/runner/internal/suite"
	"dtl-tf/runner/train"
	"dtl-tf/runner/vtab"
)

// Config holds the settings of a sweep.
type Config struct {
	// Config holds the settings that all cells share. Data is the folder with the tasks' folders, Out the folder of results. The
	// recipe of each cell replaces some of the settings.
	finetune.Config
	Methods string // as runner.ParseMethods takes them
	Tasks   string // as suite.Select takes them
	Seeds   string // "42,43,44"
	Set     string // overrides of the recipes, as vtab.ParseOverrides takes them
	Shard   string // "2/8", "" for all cells
	Memory  bool   // measure the step memory of each kind of cell

	// Grid makes the sweep a search: "lr=1e-3,5e-3;drop_path=0,0.1". Each point is trained on train800 and evaluated on val200.
	Grid string
}

// check validates the folders.
func (c Config) check() error {
	if c.Data == "" {
		return runner.Usagef("--data is required: name the folder that the tasks' folders are in")
	}
	if info, err := os.Stat(c.Data); err != nil {
		return runner.Usagef("--data: %w", err)
	} else if !info.IsDir() {
		return runner.Usagef("--data %s is a file: name the folder that the tasks' folders are in", c.Data)
	}
	if c.Out == "" {
		return runner.Usagef("--out is required: name a folder for the results")
	}
	return nil
}

// maxPoints is more than anyone trains, and less than a typing mistake in a grid can ask for.
const maxPoints = 10_000

// plan is a Config with its lists parsed.
type plan struct {
	Config
	tasks        []suite.Task
	methods      []string
	seeds        []uint64
	overrides    vtab.Overrides   // of --set
	axes         []string         // the settings in the grid
	points       []vtab.Overrides // of the grid; without a grid a single one that overrides nothing
	shard, parts int              // shard counts from 1
}

// job is a cell to train.
type job struct {
	task      suite.Task
	method    string
	seed      uint64
	point     vtab.Overrides // empty except in a search
	recipe    vtab.Recipe    // as published
	overrides vtab.Overrides // of --set and the point, for this method
	config    finetune.Config
}

// name returns the key of the cell, after the point of a search.
func (j job) name() string {
	return strings.TrimSpace(fmt.Sprintf("%s %s %s seed %d", j.point, j.task.Folder, j.method, j.seed))
}

// newPlan parses the lists of a Config. Its errors are UsageErrors.
func newPlan(c Config) (p *plan, err error) {
	p = &plan{Config: c, points: []vtab.Overrides{{}}, shard: 1, parts: 1}
	if p.tasks, err = suite.Select(c.Tasks); err != nil {
		return nil, runner.Usagef("--tasks: %w", err)
	}
	if p.methods, err = runner.ParseMethods(c.Methods); err != nil {
		return nil, err
	}
	for _, parse := range []func() error{p.parseSeeds, p.parseSet, p.parseGrid, p.parseShard} {
		if err := parse(); err != nil {
			return nil, err
		}
	}
	return p, nil
}

func (p *plan) parseSeeds() error {
	for part := range strings.SplitSeq(p.Seeds, ",") {
		seed, err := strconv.ParseUint(strings.TrimSpace(part), 10, 64)
		if err != nil {
			return runner.Usagef("--seeds: %q is not a whole number from 0", part)
		}
		if !slices.Contains(p.seeds, seed) {
			p.seeds = append(p.seeds, seed)
		}
	}
	return nil
}

// options lists the options of the methods.
func (p *plan) options() (names []string) {
	for _, method := range p.methods {
		names = append(names, dtl.OptionNames(method)...)
	}
	return names
}

// parseSet parses --set. An option that none of the methods has is an error.
func (p *plan) parseSet() (err error) {
	var options []string
	for _, o := range dtl.AllOptions() {
		options = append(options, o.Name)
	}
	if p.overrides, err = vtab.ParseOverrides(p.Set, options); err != nil {
		return runner.Usagef("--set: %w", err)
	}
	used := p.overrides.For(p.options())
	for name := range p.overrides {
		if _, ok := used[name]; !ok {
			return runner.Usagef("--set: none of the methods %s has %s", strings.Join(p.methods, ", "), name)
		}
	}
	return nil
}

// parseGrid combines the values of the settings in --grid. The first setting varies fastest.
func (p *plan) parseGrid() error {
	if p.Grid == "" {
		return nil
	}
	options, count := p.options(), 1
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
		var points []vtab.Overrides
		for text := range strings.SplitSeq(values, ",") {
			var value string
			var err error
			if name, value, err = vtab.ParseOverride(setting+"="+text, options); err != nil {
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

func (p *plan) parseShard() error {
	if p.Shard == "" {
		return nil
	}
	first, second, _ := strings.Cut(p.Shard, "/")
	var err, partsErr error
	p.shard, err = strconv.Atoi(first)
	p.parts, partsErr = strconv.Atoi(second)
	if err != nil || partsErr != nil || p.shard < 1 || p.shard > p.parts {
		return runner.Usagef("--shard %q: want i/n with i from 1 to n, such as 2/8", p.Shard)
	}
	return nil
}

// jobs returns the cells of this shard. All tasks and methods of the first seed come first, to complete a table early.
func (p *plan) jobs(architecture string) (list []job, err error) {
	for _, seed := range p.seeds {
		for _, task := range p.tasks {
			for _, method := range p.methods {
				for _, point := range p.points {
					j := job{
						task: task, method: method, seed: seed, point: point,
						recipe: vtab.RecipeOf(task, method, architecture), overrides: p.overridesAt(point, method),
					}
					if j.config, err = p.fineTune(j); err != nil {
						return nil, err
					}
					list = append(list, j)
				}
			}
		}
	}
	return p.ofShard(list), nil
}

// ofShard returns the jobs of this shard. The jobs are dealt like cards in the order of a hash of their names: all machines find
// the same shards without communicating, shards differ by one job at most, and none gets all jobs of a slow method.
func (p *plan) ofShard(list []job) []job {
	if p.parts == 1 {
		return list
	}
	hash := func(j job) uint64 {
		h := fnv.New64a()
		h.Write([]byte(j.name()))
		return h.Sum64()
	}
	dealt := slices.SortedFunc(slices.Values(list), func(a, b job) int {
		return cmp.Or(cmp.Compare(hash(a), hash(b)), cmp.Compare(a.name(), b.name()))
	})
	mine := map[string]bool{}
	for i, j := range dealt {
		mine[j.name()] = i%p.parts+1 == p.shard
	}
	return slices.DeleteFunc(list, func(j job) bool { return !mine[j.name()] })
}

// overridesAt returns the overrides of a method at a point of the grid.
func (p *plan) overridesAt(point vtab.Overrides, method string) vtab.Overrides {
	o := p.overrides.For(dtl.OptionNames(method))
	maps.Copy(o, point)
	return o
}

// fineTune returns the configuration of a cell's training, without its data.
func (p *plan) fineTune(j job) (finetune.Config, error) {
	r, err := j.recipe.With(j.overrides)
	if err != nil {
		return finetune.Config{}, err
	}
	f := p.Config.Config
	f.Data, f.Out = "", p.runFolder(j)
	f.Init, f.Schedule, f.Shuffle, f.Augment = finetune.InitPretrained, train.Cosine, true, data.AugmentNone
	f.MethodConfig = runner.MethodConfig{Method: j.method, Options: r.Options, Pool: j.overrides[vtab.Pool]}
	f.Epochs, f.Batch, f.Seed, f.Classes = r.Epochs, r.Batch, j.seed, j.task.Classes
	f.LearningRate, f.WeightDecay, f.DropPath = r.LR, r.WeightDecay, r.DropPath
	if p.Grid != "" {
		f.TrainSplit, f.EvalSplit = data.Train, data.Val
	}
	f.Precision = cmp.Or(graph.Precision(j.overrides[vtab.Precision]), f.Precision)
	return f, nil
}

// results returns the folder of results of a cell. A search has one for each point.
func (p *plan) results(j job) string { return filepath.Join(p.Out, j.point.String()) }

// cellPath returns the path of the cell's file.
func (p *plan) cellPath(j job) string {
	return vtab.CellPath(p.results(j), j.task.Folder, j.method, j.seed)
}

// runFolder returns the cell's run folder. Its lock is beside it.
func (p *plan) runFolder(j job) string {
	return vtab.WorkPath(p.results(j), j.task.Folder, j.method, j.seed)
}
