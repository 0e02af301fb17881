package main

import (
	"context"

	"github.com/spf13/pflag"

	"dtl-tf/runner"
	"dtl-tf/runner/finetune"
	"dtl-tf/runner/sweep"
	"dtl-tf/runner/vtab"
)

// sweepFlags are the flags shared by the commands that train cells.
type sweepFlags struct {
	c        *sweep.Config // a part of the command's own configuration
	backbone backboneFlags
	quiet    bool
}

func newSweepFlags(c *sweep.Config) *sweepFlags { return &sweepFlags{c: c} }

// files defines the flags of input and output.
func (s *sweepFlags) files(f *pflag.FlagSet, data, out string) {
	settings := s.c.Settings()
	define(f,
		setting(settings, "data", data),
		setting(settings, "out", out))
}

func (s *sweepFlags) methods(f *pflag.FlagSet) {
	f.StringVar(&s.c.Methods, "methods", "dtl,dtl+,linear,lora", "`methods`: all, or a comma-separated list of "+runner.MethodNames())
	acceptList(f, "methods", append([]string{runner.AllMethods}, runner.Methods()...)...)
}

// overrides defines the flags of recipes and what is measured with them. example is a value of --set.
func (s *sweepFlags) overrides(f *pflag.FlagSet, example string) {
	f.StringVar(&s.c.Set, "set", "", "`values` that override the recipes, such as "+example+", recorded in the cells: lr, weight_decay, drop_path, epochs, batch, precision, pool (mean, cls, mean+cls or map), or an option of a method such as kernel")
	f.BoolVar(&s.c.Memory, "step-memory", true, "measure the memory of a step for each kind of cell, by tracing one step in a separate session")
}

// transforms defines the flags of what is done to images, for benchmarks whose protocol augments them.
func (s *sweepFlags) transforms(f *pflag.FlagSet) {
	settings := s.c.Settings()
	define(f,
		setting(settings, "augment", ""),
		setting(settings, "views", ""),
		setting(settings, "test-resize", "`pixels`, the height and width to which test images are scaled before their centre is cut out (default: 256 for a backbone with images of 224, else in proportion)"))
}

func (s *sweepFlags) machine(g *groups) {
	g.add(runner.GroupMachine, func(f *pflag.FlagSet) {
		settings := s.c.Settings()
		f.StringVar(&s.c.Shard, "shard", "", "train only part `i/n` of the cells (i from 1), to divide the work among n machines")
		define(f,
			setting(settings, "checkpoint-every", "number of `epochs` between checkpoints; a killed cell loses the epochs since the last one"),
			setting(settings, "threads", ""),
			setting(settings, "devices", ""),
			setting(settings, "precision", ""),
			setting(settings, "recompute", ""),
			setting(settings, "xla", ""),
			setting(settings, "micro-batch", "`images` to process at a time, a divisor of all batch sizes: same result, less memory (0: the whole batch)"),
			setting(settings, "drop-path-scope", ""),
			setting(settings, "feature-cache", ""),
			setting(settings, "cache-precision", ""),
			setting(settings, "image-cache", ""),
			setting(settings, "skip-bad-images", "skip and count images that can't be read, instead of failing the cell"),
			setting(settings, "tensorboard", "write event files to the cells' folders below .work, for tensorboard --logdir"))
		f.BoolVarP(&s.quiet, "quiet", "q", false, "print the result without progress")
	})
}

// call returns a command that completes the configuration and calls run.
func (s *sweepFlags) call(run func(context.Context, runner.UI) error) func(context.Context, []string, streams) error {
	return func(ctx context.Context, _ []string, io streams) (err error) {
		if s.c.BackboneConfig, err = s.backbone.config(io, s.quiet); err != nil {
			return err
		}
		return run(ctx, io.ui(s.quiet))
	}
}

// tasksFolder is the help of --data.
const tasksFolder = "`folder` with the tasks' folders (required)"

var vtabRunCommand = command{
	name:    "vtab run",
	purpose: "train the cells of a VTAB-1k table: methods x tasks x seeds",
	details: `
Trains every method on train800val200 of every task with every seed, using the published recipe, and
evaluates once on test after the last epoch. Without --tasks, these are the tasks that have a folder in --data.
DTL and DTL+ have a recipe for each task; the other methods share one (recorded in the cells' files).

A finished cell is the file RESULTS/TASK/METHOD/seed-S.json; adapters and checkpoints are in RESULTS/.work.
Run the same command again to resume: it skips finished cells, continues interrupted ones and retries failed
ones. Several machines that share RESULTS divide the work with --shard. Each cell is locked; the lock of a
dead owner is taken over. 'dtl-tf vtab table RESULTS' prints the table.

--recipe one trains every method with one recipe for all tasks, in the place of recipes that were tuned for each. A
search chooses it: every point of a grid is trained on train800 of all tasks in --data and evaluated on val200, and the
best mean over the tasks decides. Test images are not opened for that. The choice is in RESULTS/one-recipe/METHOD.json;
later calls use it again, and refuse another grid, backbone or other tasks. All machines work on the search, whatever
their --shard. The cells have files of their own, and the table a row of its own.`,
	examples: []string{
		"dtl-tf vtab run --data vtab-1k --backbone ViT-B_16.npz --methods dtl,dtl+,linear,lora --out results",
		"dtl-tf vtab run --data vtab-1k --backbone ViT-B_16.npz --methods dtl --tasks natural,eurosat --seeds 42,43,44 --out results",
		"dtl-tf vtab run --data vtab-1k --backbone ViT-B_16.npz --methods dtl --tasks eurosat --set lr=0.003,drop_path=0.1 --out tried",
		"dtl-tf vtab run --data vtab-1k --backbone ViT-B_16.npz --methods all --shard 2/8 --out /shared/results",
		"dtl-tf vtab run --data vtab-1k --backbone ViT-B_16.npz --methods dtl,dtl+,lora --recipe one --out results",
		"dtl-tf vtab run --data vtab-1k --methods dtl --recipe one --grid 'lr=1e-3,3e-3;rank=2,4' --set epochs=50 --out results",
	},
	writesFiles: true,
	flags: func(g *groups) func(context.Context, []string, streams) error {
		c := vtab.Config{Config: sweep.Config{Config: finetune.Default()}}
		s := newSweepFlags(&c.Config)
		g.add(runner.GroupFiles, func(f *pflag.FlagSet) {
			s.files(f, tasksFolder, "`folder` for the results; may contain results already (required)")
		})
		s.backbone.define(g, true)
		g.add("What is trained", func(f *pflag.FlagSet) {
			s.methods(f)
			f.StringVar(&c.Tasks, "tasks", "", "comma-separated `tasks`: all, natural, specialized, structured, or names (default: those with a folder in --data)")
			f.StringVar(&c.Seeds, "seeds", "42", "comma-separated `seeds`")
			f.StringVar(&c.Recipe, "recipe", vtab.RecipePublished, "`recipe`: published, which DTL and DTL+ have for each task, or one, the same for all tasks")
			accept(f, "recipe", vtab.Recipes()...)
			f.StringVar(&c.Grid, "grid", "", "with --recipe one, the `values` to choose among: NAME=VALUE,VALUE, separated by semicolons; the names are those of --set, and options count for the methods that have them (default: eight points for each method, of lr and drop_path or weight_decay)")
			s.overrides(f, "lr=0.003,drop_path=0.1")
		})
		s.machine(g)
		return s.call(func(ctx context.Context, ui runner.UI) error { return vtab.Run(ctx, c, ui) })
	},
}
