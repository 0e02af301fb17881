package main

import (
	"context"

	"github.com/spf13/pflag"

	"dtl-tf/runner"
	"dtl-tf/runner/finetune"
)

var fineTuneCommand = command{
	name:    "fine-tune",
	purpose: "adapt a backbone to a data set and measure the result",
	details: `
--data is all that is needed. Trains on train800val200.txt (or train.txt, or the class folders train/CLASS/* or
CLASS/*), evaluates once on the test images after the last epoch, and prints a table. Without test images, 15 % of
each class's images are set aside for that. The folder --out receives run.json (all
settings, versions, fingerprints and measurements), adapter.safetensors (the trained tensors),
metrics.csv (a line per epoch) and, with --method full, backbone.npz (usable as --backbone).

With --select best the run ends with the weights of the epoch that is the best on the validation images
(val/CLASS/* or val.txt), instead of those after the last epoch; --patience stops it early.

The evaluation also leaves predictions.csv (the answer for every image), per_class.csv, confusion.csv,
evaluation.json (the figures) and report.html, a page with curves, the confusion matrix, calibration and the
most confident mistakes as thumbnails. The page holds pictures of the data set: mind that before you pass it
on. --report=false writes none of these.

--sweep trains several settings. Those of dtl, dtl+, linear, lst, lra, vqt and res-tuning-bypass train together,
from one forward pass of the leading blocks that the method leaves alone; such a sweep can't be resumed. Those of
the other methods train one after another, and --resume goes on after an interruption. Each setting gives the
results of a single run, in a folder of its own below --out; sweep.csv there, and the table that is printed, sort
them by their accuracy on the validation images. A seed in the grid is that of the initial values and of drop
path; the order of the images is that of --seed for all settings.

If the method leaves the leading blocks alone, as dtl does up to block M, their outputs for an image never
change. They are computed once and stored, for this run and for others (--feature-cache).

Ctrl-C, SIGTERM or a closed terminal (not under nohup) stops the run after the current step and saves what
has been done; a second Ctrl-C stops it at once. The run continues if nobody reads its output. --resume
continues from the last checkpoint, also after a crash or kill -9, and ends with the same adapter as an
uninterrupted run. The run keeps its last two checkpoints, each with a checksum.`,
	examples: []string{
		"dtl-tf fine-tune --data my-photos --backbone ViT-B_16.npz",
		"dtl-tf fine-tune --data data/digits --out runs/digits",
		"dtl-tf fine-tune --backbone ViT-B_16.npz --data vtab-1k/eurosat --lr 0.008 --out runs/eurosat",
		"dtl-tf fine-tune --backbone ViT-B_16.npz --data my-photos --method dtl+ --kernel 5 --epochs 50 --out runs/photos",
		"dtl-tf fine-tune --backbone ViT-B_16.npz --data my-photos --select best --patience 10 --out runs/photos",
		"dtl-tf fine-tune --backbone ViT-B_16.npz --data my-photos --val 0.15 --sweep 'lr=1e-3,3e-3;rank=2,4' --out runs/rates",
		"dtl-tf fine-tune --backbone vit_mini4 --init random --data cifar --method full --augment flip-crop --out runs/scratch",
	},
	writesFiles: true,
	flags: func(g *groups) func(context.Context, []string, streams) error {
		var (
			c        = finetune.Default()
			settings = c.Settings()
			backbone backboneFlags
			method   methodFlags
			quiet    bool
		)
		c.Report = true // sweeps, which share the defaults, have thousands of evaluations
		c.Epochs = 0    // sweeps have recipes
		add := func(title string) {
			g.add(title, func(f *pflag.FlagSet) { define(f, group(title, settings)...) })
		}
		add(runner.GroupFiles)
		backbone.define(g, true)
		add(runner.GroupStart)
		method.define(g, "`name` of the method: "+runner.MethodNames(), c.Method)
		g.add(runner.GroupTraining, func(f *pflag.FlagSet) {
			define(f, group(runner.GroupTraining, settings)...)
			f.StringVar(&c.Sweep, "sweep", "", "`grid` of settings to train and compare, such as 'lr=1e-3,3e-3;rank=2,4': lr, weight-decay, drop-path, seed and options of the method")
		})
		g.add(runner.GroupMachine, func(f *pflag.FlagSet) {
			define(f, group(runner.GroupMachine, settings)...)
			f.BoolVarP(&quiet, "quiet", "q", false, "print the result without progress")
		})
		return func(ctx context.Context, args []string, io streams) error {
			var err error
			if c.BackboneConfig, err = backbone.config(io, quiet); err != nil {
				return err
			}
			c.MethodConfig = method.config(g)
			c.Auto = auto(g)
			c.Fixed = finetune.Fixed{Recompute: g.all.Changed("recompute"), MicroBatch: g.all.Changed("micro-batch")}
			if c.InitAdapter != "" && !g.all.Changed("method") {
				c.Method = "" // the adapter file's, not the default
			}
			if g.all.Changed("sweep") {
				return finetune.Sweep(ctx, c, g.all.Changed, io.ui(quiet))
			}
			_, err = finetune.Run(ctx, c, io.ui(quiet))
			return err
		}
	},
}

// auto tells which settings the user has not given.
func auto(g *groups) finetune.Auto {
	given := g.all.Changed
	return finetune.Auto{Out: !given("out"), Epochs: !given("epochs"), Test: !given("test") && !given("holdout"), DropPath: !given("drop-path") && !given("drop-path-scope")}
}
