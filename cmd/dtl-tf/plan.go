package main

import (
	"context"

	"github.com/spf13/pflag"

	"dtl-tf/runner"
	"dtl-tf/runner/finetune"
	"dtl-tf/runner/plan"
)

var planCommand = command{
	name:    "plan",
	purpose: "tell the memory, the feature cache and the time of a fine-tuning before it",
	details: `
Takes the flags of fine-tune that change memory or time and trains nothing. For each --recompute it prints the peak of
a step and what the whole process takes, told from the graph that TensorFlow would execute; with --memory also the
micro-batches that fit, and what fine-tune --memory would choose. The result of training is the same with all of them.

The peak is what a step allocates, as a trace shows it. The whole process is that, and: the program with TensorFlow and
the backbone's file, the weights and the optimizer's state, copies of weights, batches that are prepared ahead,
decoded images (--image-cache), what the evaluation takes beyond a step, and a reserve: a quarter of what Go holds
for garbage, a tenth of all but the program, and 80 MiB by which the program grows in training.

--measure trains a few steps on random images and reads a few images to tell the time of a run: start, reading,
the first pass of the feature cache where the run would store values, all steps, all looks at the validation
images and the evaluation at the end. The machine must be as busy as it will be during the run.`,
	examples: []string{
		"dtl-tf plan --backbone ViT-B_16.npz --data my-photos",
		"dtl-tf plan --backbone ViT-B_16.npz --data my-photos --method full --batch 64 --memory 8GB",
		"dtl-tf plan --data data/digits --measure --format json",
	},
	flags: func(g *groups) func(context.Context, []string, streams) error {
		var (
			c        = plan.Config{Config: finetune.Default()}
			settings = c.Settings()
			backbone backboneFlags
			method   methodFlags
			quiet    bool
		)
		c.Epochs = 0 // chosen by the data
		add := func(title string, names ...string) {
			g.add(title, func(f *pflag.FlagSet) {
				for _, name := range names {
					define(f, setting(settings, name, ""))
				}
			})
		}
		add(runner.GroupFiles, "data", "holdout", "val", "test", "exif")
		backbone.define(g, true)
		add(runner.GroupStart, "init", "init-adapter")
		method.define(g, "`name` of the method: "+runner.MethodNames(), c.Method)
		add(runner.GroupTraining, "epochs", "batch", "micro-batch", "drop-path", "drop-path-scope", "augment", "views", "loss", "class-weights", "clip-grad", "ema", "select")
		add(runner.GroupMachine, "threads", "precision", "memory", "feature-cache", "cache-precision", "image-cache")
		g.add("Output", func(f *pflag.FlagSet) {
			f.BoolVar(&c.Measure, "measure", false, "train a few steps on random images and tell the time of the run")
			f.StringVar(&c.Format, "format", plan.Text, "output `format`: text or json")
			f.BoolVarP(&quiet, "quiet", "q", false, "print the plan without notes")
		})
		return func(ctx context.Context, _ []string, io streams) error {
			var err error
			if c.BackboneConfig, err = backbone.config(io, quiet); err != nil {
				return err
			}
			c.MethodConfig = method.config(g)
			c.Fixed.MicroBatch = g.all.Changed("micro-batch")
			c.Auto = auto(g)
			if c.InitAdapter != "" && !g.all.Changed("method") {
				c.Method = "" // the adapter file's, not the default
			}
			return plan.Run(ctx, c, io.ui(quiet))
		}
	},
}
