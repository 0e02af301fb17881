package main

import (
	"context"
	"fmt"

	"github.com/spf13/pflag"

	"dtl-tf/runner"
	"dtl-tf/runner/finetune"
)

var fineTuneCommand = command{
	name:    "fine-tune",
	purpose: "adapt a backbone to a data set and measure the result",
	details: `
Trains on train800val200.txt (or train.txt, or the class folders train/CLASS/* or CLASS/*), evaluates once on
the test images after the last epoch, and prints a table. The folder --out receives run.json (all
settings, versions, fingerprints and measurements), adapter.safetensors (the trained tensors),
metrics.csv (a line per epoch) and, with --method full, backbone.npz (usable as --backbone).

If the method leaves the leading blocks alone, as dtl does up to block M, their outputs for an image never
change. They are computed once and stored, for this run and for others (--feature-cache).

Ctrl-C, SIGTERM or a closed terminal (not under nohup) stops the run after the current step and saves what
has been done; a second Ctrl-C stops it at once. The run continues if nobody reads its output. --resume
continues from the last checkpoint, also after a crash or kill -9, and ends with the same adapter as an
uninterrupted run. The run keeps its last two checkpoints, each with a checksum.`,
	examples: []string{
		"dtl-tf fine-tune --data data/digits --out runs/digits",
		"dtl-tf fine-tune --backbone ViT-B_16.npz --data vtab-1k/eurosat --lr 0.008 --out runs/eurosat",
		"dtl-tf fine-tune --backbone ViT-B_16.npz --data my-photos --method dtl+ --kernel 5 --epochs 50 --out runs/photos",
		"dtl-tf fine-tune --backbone vit_mini4 --init random --data cifar --method full --augment flip-crop --out runs/scratch",
	},
	writesFiles: true,
	flags: func(g *groups) func(context.Context, []string, streams) error {
		var (
			c        finetune.Config
			backbone backboneFlags
			method   methodFlags
			ui       runner.UI
		)
		g.add("Input and output", func(f *pflag.FlagSet) {
			f.StringVar(&c.Data, "data", "", "data set `folder`: VTAB-1k lists, train/CLASS/* and test/CLASS/*, or CLASS/* (required)")
			f.StringVar(&c.Out, "out", "", "`folder` for the results (required)")
			f.BoolVar(&c.Overwrite, "overwrite", false, "replace the run in --out")
			f.BoolVar(&c.Resume, "resume", false, "continue the run in --out from its last checkpoint")
			f.IntVar(&c.CheckpointEvery, "checkpoint-every", 10, "number of `epochs` between checkpoints; the last epoch always writes one; 0: only when interrupted")
			f.BoolVar(&c.TensorBoard, "tensorboard", false, "write event files beside metrics.csv, for tensorboard --logdir")
			f.Float64Var(&c.Holdout, "holdout", 0, "`fraction` of the training images to hold out for evaluation, if there is no test split")
			f.BoolVar(&c.SkipBadImages, "skip-bad-images", false, "skip and count images that can't be read, instead of stopping")
		})
		backbone.define(g, true)
		g.add("Start", func(f *pflag.FlagSet) {
			f.StringVar(&c.Init, "init", finetune.InitPretrained, "initial `weights`: pretrained, or random (then --backbone names an architecture: "+runner.Architectures()+")")
			f.StringVar(&c.InitAdapter, "init-adapter", "", "adapter `file` to start training from; the classifier's rows go to the classes of the same name")
		})
		method.define(g, "`name` of the method: "+runner.MethodNames(), "dtl")
		g.add("Training", func(f *pflag.FlagSet) {
			f.IntVar(&c.Epochs, "epochs", finetune.DefaultEpochs, "`epochs`, warm-up and cool-down included")
			f.IntVar(&c.Batch, "batch", 32, "`images` per step; an incomplete batch at the end of an epoch is dropped")
			f.IntVar(&c.MicroBatch, "micro-batch", 0, "`images` to process at a time, a divisor of --batch: same result, less memory (0: the whole batch)")
			f.Float64Var(&c.LearningRate, "lr", 1e-3, "peak learning `rate`")
			f.Float64Var(&c.WeightDecay, "weight-decay", 0.05, "AdamW's decoupled weight `decay`, on all parameters but biases")
			f.Float64Var(&c.DropPath, "drop-path", 0, "stochastic-depth `rate` of the last block, linear from 0 at the first")
			f.StringVar(&c.DropPathScope, "drop-path-scope", finetune.DropPathAll, "blocks that stochastic depth acts on, `all|suffix`: all, as in the paper, or only those after the prefix that never changes, so that its values can be stored")
			f.StringVar(&c.Schedule, "schedule", "cosine", "learning-rate `schedule`: cosine (with warm-up and cool-down) or constant")
			f.BoolVar(&c.Shuffle, "shuffle", true, "shuffle the images in each epoch")
			f.StringVar(&c.Augment, "augment", finetune.AugmentNone, "`augmentation`: none, or flip-crop (random flip and shifted crop)")
			f.Uint64Var(&c.Seed, "seed", 42, "`seed` of initial values, shuffling, augmentation and drop path")
		})
		g.add("Machine", func(f *pflag.FlagSet) {
			f.IntVar(&c.Threads, "threads", 0, "`threads` of TensorFlow (default: all that the process may use)")
			f.StringVar(&c.Precision, "precision", finetune.FP32, "`precision` of matrix products and frozen kernels: fp32, bf16, or fp16 for GPUs without bfloat16")
			f.StringVar(&c.Recompute, "recompute", finetune.RecomputeActivations, "what the backward pass recomputes to save memory: `none|activations|blocks`")
			f.StringVar(&c.FeatureCache, "feature-cache", finetune.FeatureCacheAuto, "where to store the values of the prefix that never changes, `auto|off|DIR`: auto is the user's cache folder, if the method has such a prefix and storing pays off")
			f.StringVar(&c.CachePrecision, "cache-precision", finetune.FP32, "`precision` of the feature cache: fp32, or bf16 in half the space")
			f.Int64Var(&c.CacheMiB, "image-cache", 1024, "`MiB` of decoded images to keep in memory between epochs")
			f.BoolVarP(&ui.Quiet, "quiet", "q", false, "print the result without progress")
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
				c.Method.Method = "" // the adapter file's, not the default
			}
			ui.Out, ui.Err, ui.Version = io.out, io.err, version
			_, err = finetune.Run(ctx, c, ui)
			if err != nil {
				return fmt.Errorf("fine-tune: %w", err)
			}
			return nil
		}
	},
}
