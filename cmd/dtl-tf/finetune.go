package main

import (
	"context"
	"fmt"

	"github.com/spf13/pflag"

	"dtl-tf/runner"
)

var fineTuneCommand = command{
	name:    "fine-tune",
	purpose: "adapt a backbone to a data set and measure the result",
	details: `
Trains on train800val200.txt (or train.txt, or the class folders train/CLASS/* or CLASS/*), evaluates once on
the test images after the last epoch, and prints a table. The folder --out receives run.json (all
settings, versions, fingerprints and measurements), adapter.safetensors (what was trained),
metrics.csv (a line an epoch) and, with --method full, backbone.npz (usable as --backbone).

Where the method does not reach into the leading blocks, as dtl does not up to block M, what they make of
an image never changes. It is computed once and stored (--feature-cache), for other runs too.

Ctrl-C, SIGTERM or a closed terminal (not under nohup) stops after the step under way and saves what was
done so far; a second Ctrl-C stops at once. A run goes on when nobody reads its output any more. --resume
goes on from the last checkpoint, also after a crash or kill -9, and comes to the same adapter as a run in
one piece. The last two checkpoints are kept, each with a checksum.`,
	examples: []string{
		"dtl-tf fine-tune --data data/digits --out runs/digits",
		"dtl-tf fine-tune --backbone ViT-B_16.npz --data vtab-1k/eurosat --lr 0.008 --out runs/eurosat",
		"dtl-tf fine-tune --backbone ViT-B_16.npz --data my-photos --method dtl+ --kernel 5 --epochs 50 --out runs/photos",
		"dtl-tf fine-tune --backbone vit_mini4 --init random --data cifar --method full --augment flip-crop --out runs/scratch",
	},
	keeps: true,
	flags: func(g *groups) func(context.Context, []string, streams) error {
		var (
			c        runner.FineTuneConfig
			backbone backboneFlags
			method   methodFlags
			ui       runner.UI
		)
		g.add("Input and output", func(f *pflag.FlagSet) {
			f.StringVar(&c.Data, "data", "", "data set `folder`: VTAB-1k lists, train/CLASS/* and test/CLASS/*, or CLASS/* (required)")
			f.StringVar(&c.Out, "out", "", "`folder` for the results (required)")
			f.BoolVar(&c.Overwrite, "overwrite", false, "replace the run that is in --out")
			f.BoolVar(&c.Resume, "resume", false, "go on with the run that is in --out from its last checkpoint")
			f.IntVar(&c.CheckpointEvery, "checkpoint-every", 10, "write a checkpoint every so many `epochs` and after the last; 0: only when interrupted")
			f.BoolVar(&c.TensorBoard, "tensorboard", false, "write event files beside metrics.csv, for tensorboard --logdir")
			f.Float64Var(&c.Holdout, "holdout", 0, "`fraction` of the training images to keep for the evaluation, where there is no test split")
			f.BoolVar(&c.SkipBadImages, "skip-bad-images", false, "leave out images that can't be read, and count them, instead of stopping")
		})
		backbone.define(g, true)
		g.add("Start", func(f *pflag.FlagSet) {
			f.StringVar(&c.Init, "init", runner.InitPretrained, "`start`: pretrained, or random (then --backbone is an architecture: "+runner.Architectures()+")")
			f.StringVar(&c.InitAdapter, "init-adapter", "", "adapter `file` whose values training starts from; the classifier's go to the classes of the same name")
		})
		method.define(g, "`name` of the method: "+runner.MethodNames(), "dtl")
		g.add("Training", func(f *pflag.FlagSet) {
			f.IntVar(&c.Epochs, "epochs", runner.DefaultEpochs, "`epochs`, warm-up and cool-down included")
			f.IntVar(&c.Batch, "batch", 32, "`images` in a step; the rest of an epoch that does not fill one is dropped")
			f.IntVar(&c.MicroBatch, "micro-batch", 0, "`images` of a step to work on at a time, a divisor of --batch: same result, less memory (0: all)")
			f.Float64Var(&c.LearningRate, "lr", 1e-3, "peak learning `rate`")
			f.Float64Var(&c.WeightDecay, "weight-decay", 0.05, "AdamW's decoupled weight `decay`, on everything but biases")
			f.Float64Var(&c.DropPath, "drop-path", 0, "stochastic-depth `rate` of the last block, linear from 0 at the first")
			f.StringVar(&c.DropPathScope, "drop-path-scope", runner.DropPathAll, "blocks that stochastic depth acts on, `all|suffix`: all, as the paper does, or only those after the ones that never change, so that the feature cache stays possible")
			f.StringVar(&c.Schedule, "schedule", "cosine", "learning-rate `schedule`: cosine (with warm-up and cool-down) or constant")
			f.BoolVar(&c.Shuffle, "shuffle", true, "draw a new order of the images each epoch")
			f.StringVar(&c.Augment, "augment", runner.AugmentNone, "`augmentation`: none, or flip-crop (random flip and shifted crop)")
			f.Uint64Var(&c.Seed, "seed", 42, "`seed` of initial values, order, augmentation and drop path")
		})
		g.add("Machine", func(f *pflag.FlagSet) {
			f.IntVar(&c.Threads, "threads", 0, "`threads` of TensorFlow (default: all that the process may use)")
			f.StringVar(&c.Precision, "precision", runner.FP32, "`precision` of matrix products and frozen kernels: fp32, bf16, or fp16 for GPUs without bfloat16")
			f.StringVar(&c.Recompute, "recompute", runner.RecomputeActivations, "what the backward pass makes again to save memory: `none|activations|blocks`")
			f.StringVar(&c.FeatureCache, "feature-cache", runner.FeatureCacheAuto, "where values of blocks that never change are stored: `auto|off|DIR`: auto is the user's folder for caches, where that is possible and pays")
			f.StringVar(&c.CachePrecision, "cache-precision", runner.FP32, "stored `precision` of the feature cache: fp32, or bf16 in half the space")
			f.Int64Var(&c.CacheMiB, "image-cache", 1024, "`MiB` of decoded images to keep in memory between epochs")
			f.BoolVarP(&ui.Quiet, "quiet", "q", false, "no progress, only the result")
		})
		return func(ctx context.Context, args []string, io streams) error {
			if err := noArgs("fine-tune", args); err != nil {
				return err
			}
			var err error
			if c.Backbone, err = backbone.config(); err != nil {
				return err
			}
			c.Method = method.config(g)
			if c.InitAdapter != "" && !g.changed("method") {
				c.Method.Method = "" // the adapter's, not the default
			}
			ui.Out, ui.Err, ui.Version = io.out, io.err, version
			_, err = runner.FineTune(ctx, c, ui)
			if err != nil {
				return fmt.Errorf("fine-tune: %w", err)
			}
			return nil
		}
	},
}
