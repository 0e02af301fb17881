package sweep

import (
	"cmp"
	"hash/fnv"
	"os"
	"slices"
	"strconv"
	"strings"

	"dtl-tf/dtl"
	"dtl-tf/graph"
	"dtl-tf/runner"
	"dtl-tf/runner/finetune"
	"dtl-tf/runner/recipe"
)

// Config holds the settings that sweeps of every benchmark have.
type Config struct {
	// Config holds the settings that all cells share. Data is the folder with the data, Out the folder of results. The recipe of
	// each cell replaces some of the settings, and the benchmark's protocol others.
	finetune.Config
	Methods string // as runner.ParseMethods takes them
	Seeds   string // "42,43,44"
	Set     string // overrides of the recipes, as recipe.ParseOverrides takes them
	Shard   string // "2/8", "" for all cells
	Memory  bool   // measure the step memory of each kind of cell
	Table   string // the command that prints the table of the results, such as "dtl-tf vtab table", "" for none
}

// CheckFolders validates the folders. contents names what Data holds, such as "the tasks' folders".
func (c Config) CheckFolders(contents string) error {
	if c.Data == "" {
		return runner.Usagef("--data is required: name the folder that %s are in", contents)
	}
	if info, err := os.Stat(c.Data); err != nil {
		return runner.Usagef("--data: %w", err)
	} else if !info.IsDir() {
		return runner.Usagef("--data %s is a file: name the folder that %s are in", c.Data, contents)
	}
	if c.Out == "" {
		return runner.Usagef("--out is required: name a folder for the results")
	}
	return nil
}

// Choice is a Config with its lists parsed.
type Choice struct {
	Methods   []string
	Seeds     []uint64
	Overrides recipe.Overrides // of --set

	shard, parts int // shard counts from 1
}

// Parse parses the lists of a Config. Its errors are UsageErrors.
func (c Config) Parse() (l Choice, err error) {
	if l.Methods, err = runner.ParseMethods(c.Methods); err != nil {
		return l, err
	}
	if l.Seeds, err = parseSeeds(c.Seeds); err != nil {
		return l, err
	}
	if l.Overrides, err = l.parseSet(c.Set); err != nil {
		return l, err
	}
	if p, ok := l.Overrides[recipe.Precision]; ok && cmp.Or(c.Precision, graph.FP32) != graph.FP32 && string(c.Precision) != p {
		return l, runner.Usagef("--precision %s and --set precision=%s contradict each other: give one of them", c.Precision, p)
	}
	if info, err := os.Stat(c.Out); err == nil && !info.IsDir() {
		return l, runner.Usagef("--out %s is a file: name a folder for the results", c.Out)
	}
	l.shard, l.parts, err = parseShard(c.Shard)
	return l, err
}

func parseSeeds(text string) (seeds []uint64, err error) {
	for part := range strings.SplitSeq(text, ",") {
		seed, err := strconv.ParseUint(strings.TrimSpace(part), 10, 64)
		if err != nil {
			return nil, runner.Usagef("--seeds: %q is not a whole number from 0", part)
		}
		if !slices.Contains(seeds, seed) {
			seeds = append(seeds, seed)
		}
	}
	return seeds, nil
}

// Options lists the options of the methods.
func (l Choice) Options() (names []string) {
	for _, method := range l.Methods {
		names = append(names, dtl.OptionNames(method)...)
	}
	return names
}

// OverridesOf returns the overrides of a method.
func (l Choice) OverridesOf(method string) recipe.Overrides {
	return l.Overrides.For(dtl.OptionNames(method))
}

// parseSet parses --set. An option that none of the methods has is an error.
func (l Choice) parseSet(text string) (recipe.Overrides, error) {
	var options []string
	for _, o := range dtl.AllOptions() {
		options = append(options, o.Name)
	}
	set, err := recipe.ParseOverrides(text, options)
	if err != nil {
		return nil, runner.Usagef("--set: %w", err)
	}
	used := set.For(l.Options())
	for name := range set {
		if _, ok := used[name]; !ok {
			return nil, runner.Usagef("--set: none of the methods %s has %s", strings.Join(l.Methods, ", "), name)
		}
	}
	for _, method := range l.Methods {
		mine := dtl.Options{}
		for _, name := range dtl.OptionNames(method) {
			if value, ok := set[name]; ok {
				mine[name] = value
			}
		}
		if _, err := dtl.ParseOptions(method, mine); err != nil { // what the backbone allows is checked when it is read
			return nil, runner.Usagef("--set: %w", err)
		}
	}
	return set, nil
}

func parseShard(text string) (shard, parts int, err error) {
	if text == "" {
		return 1, 1, nil
	}
	first, second, _ := strings.Cut(text, "/")
	shard, err = strconv.Atoi(first)
	parts, partsErr := strconv.Atoi(second)
	if err != nil || partsErr != nil || shard < 1 || shard > parts {
		return 0, 0, runner.Usagef("--shard %q: want i/n with i from 1 to n, such as 2/8", text)
	}
	return shard, parts, nil
}

// OfShard returns the jobs of this shard. The jobs are dealt like cards in the order of a hash of their names: all machines find
// the same shards without communicating, shards differ by one job at most, and none gets all jobs of a slow method.
func (l Choice) OfShard(list []Job) []Job {
	if l.parts == 1 {
		return list
	}
	hash := func(j Job) uint64 {
		h := fnv.New64a()
		h.Write([]byte(j.Name))
		return h.Sum64()
	}
	dealt := slices.SortedFunc(slices.Values(list), func(a, b Job) int {
		return cmp.Or(cmp.Compare(hash(a), hash(b)), cmp.Compare(a.Name, b.Name))
	})
	mine := map[string]bool{}
	for i, j := range dealt {
		mine[j.Name] = i%l.parts+1 == l.shard
	}
	return slices.DeleteFunc(list, func(j Job) bool { return !mine[j.Name] })
}

// WithRecipe returns the settings that all cells share with those of a recipe and its overrides.
func (c Config) WithRecipe(method string, r recipe.Recipe, o recipe.Overrides) (finetune.Config, error) {
	r, err := r.With(o)
	if err != nil {
		return finetune.Config{}, err
	}
	if !(r.LR > 0) { // 0 would be the usual rate of the method
		return finetune.Config{}, runner.Usagef("lr=%v: a learning rate is above 0", r.LR)
	}
	f := c.Config
	f.MethodConfig = runner.MethodConfig{Method: method, Options: r.Options, Pool: o[recipe.Pool]}
	f.Epochs, f.Batch = r.Epochs, r.Batch
	f.LearningRate, f.WeightDecay, f.DropPath = r.LR, r.WeightDecay, r.DropPath
	f.Unwatched, f.SeveralMethods = true, true
	f.Precision = cmp.Or(graph.Precision(o[recipe.Precision]), f.Precision)
	return f, nil
}
