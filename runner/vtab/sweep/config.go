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
	"dtl-tf/runner/suite"
	"dtl-tf/runner/train"
	"dtl-tf/runner/vtab"
)

// Config holds the settings of a sweep.
type Config struct {
	// Config holds the settings that all cells share. Data is the folder with the tasks' folders, Out that of the results. The
	// recipes replace settings for each cell.
	finetune.Config
	Methods string // "dtl,lora", or all
	Tasks   string // as suite.Select takes them
	Seeds   string // "42,43,44"
	Set     string // overrides of the recipes, as vtab.ParseOverrides takes them
	Shard   string // "2/8", "" for all cells
	Memory  bool   // measure the memory of a step of each kind of cell

	// Grid makes it a search: "lr=1e-3,5e-3;drop_path=0,0.1". Each point is trained on train800 and evaluated on val200.
	Grid string
}

// job is one cell to train.
type job struct {
	task      suite.Task
	method    string
	seed      uint64
	recipe    vtab.Recipe    // as published
	overrides vtab.Overrides // those that concern the method
	point     string         // of a search, as a --set takes it; "" elsewhere
}

// name is the cell's key, with the point of a search in front.
func (j job) name() string {
	return strings.TrimSpace(fmt.Sprintf("%s %s %s seed %d", j.point, j.task.Folder, j.method, j.seed))
}

// root is the folder of results that the cell belongs to: a search has one for each point.
func (c Config) root(j job) string { return filepath.Join(c.Out, j.point) }

// jobs are the cells of this shard. All tasks and methods of the first seed come first, so that a whole table is there early.
func (c Config) jobs(architecture string) ([]job, error) {
	tasks, err := suite.Select(c.Tasks)
	if err != nil {
		return nil, runner.Usagef("--tasks: %w", err)
	}
	methods, err := methods(c.Methods)
	if err != nil {
		return nil, err
	}
	seeds, err := seeds(c.Seeds)
	if err != nil {
		return nil, err
	}
	overrides, err := c.overrides(methods)
	if err != nil {
		return nil, err
	}
	points, err := c.points(methods)
	if err != nil {
		return nil, err
	}
	var list []job
	for _, seed := range seeds {
		for _, task := range tasks {
			for _, method := range methods {
				options := dtl.OptionNames(method)
				for _, point := range points {
					j := job{task: task, method: method, seed: seed, recipe: vtab.RecipeOf(task, method, architecture), point: point.String()}
					j.overrides = overrides.For(options)
					maps.Copy(j.overrides, point)
					list = append(list, j)
				}
			}
		}
	}
	return c.shard(list)
}

// shard picks this machine's part: the cells in the order of a hash of their names, dealt like cards. Each machine finds the
// same parts without asking the others, they differ by one cell at most, and no machine gets all cells of a slow method.
func (c Config) shard(all []job) ([]job, error) {
	if c.Shard == "" {
		return all, nil
	}
	first, second, _ := strings.Cut(c.Shard, "/") // "1/2/3" has no number behind the first slash
	index, err := strconv.Atoi(first)
	count, err2 := strconv.Atoi(second)
	if err != nil || err2 != nil || index < 1 || index > count {
		return nil, runner.Usagef("--shard %q: wanted is i/n with i from 1 to n, such as 2/8", c.Shard)
	}
	hash := func(j job) uint64 {
		h := fnv.New64a()
		h.Write([]byte(j.name()))
		return h.Sum64()
	}
	order := make([]int, len(all))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int {
		return cmp.Or(cmp.Compare(hash(all[a]), hash(all[b])), cmp.Compare(all[a].name(), all[b].name()))
	})
	part := make([]int, len(all)) // of each cell
	for i, at := range order {
		part[at] = i%count + 1
	}
	var mine []job
	for i, j := range all {
		if part[i] == index {
			mine = append(mine, j)
		}
	}
	return mine, nil
}

func methods(text string) ([]string, error) {
	if text == suite.All {
		return dtl.Names(), nil
	}
	var list []string
	for name := range strings.SplitSeq(text, ",") {
		name = strings.TrimSpace(name)
		if !slices.Contains(dtl.Names(), name) {
			return nil, runner.Usagef("--methods: %q is unknown%s; there are %s", name, suite.Nearest(name, dtl.Names()), strings.Join(dtl.Names(), ", "))
		}
		if !slices.Contains(list, name) {
			list = append(list, name)
		}
	}
	return list, nil
}

func seeds(text string) ([]uint64, error) {
	var list []uint64
	for part := range strings.SplitSeq(text, ",") {
		seed, err := strconv.ParseUint(strings.TrimSpace(part), 10, 64)
		if err != nil {
			return nil, runner.Usagef("--seeds: %q is not a whole number from 0", part)
		}
		if !slices.Contains(list, seed) {
			list = append(list, seed)
		}
	}
	return list, nil
}

// overrides reads --set. An option that none of the methods has is rather a mistake.
func (c Config) overrides(methods []string) (vtab.Overrides, error) {
	var options, had []string
	for _, o := range dtl.AllOptions() {
		options = append(options, o.Name)
	}
	for _, m := range methods {
		had = append(had, dtl.OptionNames(m)...)
	}
	o, err := vtab.ParseOverrides(c.Set, options)
	if err != nil {
		return nil, runner.Usagef("--set: %w", err)
	}
	for name := range o {
		if _, kept := o.For(had)[name]; !kept {
			return nil, runner.Usagef("--set: none of the methods %s has %s", strings.Join(methods, ", "), name)
		}
	}
	return o, nil
}

// check refuses what cannot be before anything is read.
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

// fineTune is the configuration of the cell's training.
func (c Config) fineTune(j job, folder string) (finetune.Config, error) {
	r, err := j.recipe.With(j.overrides)
	if err != nil {
		return finetune.Config{}, err
	}
	f := c.Config
	f.Data, f.Out = folder, vtab.WorkPath(c.root(j), j.task.Folder, j.method, j.seed)
	f.Init, f.Schedule, f.Shuffle, f.Augment = finetune.InitPretrained, train.Cosine, true, data.AugmentNone
	f.MethodConfig = runner.MethodConfig{Method: j.method, Options: r.Options, Pool: j.overrides[vtab.Pool]}
	f.Epochs, f.Batch, f.Seed, f.Classes = r.Epochs, r.Batch, j.seed, j.task.Classes
	f.LearningRate, f.WeightDecay, f.DropPath = r.LR, r.WeightDecay, r.DropPath
	if c.Grid != "" {
		f.TrainSplit, f.EvalSplit = data.Train, data.Val
	}
	f.Precision = cmp.Or(graph.Precision(j.overrides[vtab.Precision]), f.Precision)
	return f, nil
}
