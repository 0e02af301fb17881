package main

import (
	"context"
	"fmt"

	"github.com/spf13/pflag"

	"dtl-tf/runner"
	"dtl-tf/runner/vtab/sweep"
)

// sweepFlags are what the commands that train cells of VTAB-1k share.
type sweepFlags struct {
	c        sweep.Config
	backbone backboneFlags
	quiet    bool
}

func (s *sweepFlags) machine(g *groups) {
	g.add("Machine", func(f *pflag.FlagSet) {
		b := &s.c.Base
		f.StringVar(&s.c.Shard, "shard", "", "train only part `i/n` of the cells (i from 1), so that n machines share the work")
		f.IntVar(&b.CheckpointEvery, "checkpoint-every", 10, "write a checkpoint every so many `epochs`; a killed cell loses what came after")
		f.IntVar(&b.Threads, "threads", 0, "`threads` of TensorFlow (default: all that the process may use)")
		f.StringVar(&b.Precision, "precision", runner.FP32, "`precision` of matrix products and frozen kernels: fp32, bf16, or fp16 for GPUs without bfloat16")
		f.StringVar(&b.Recompute, "recompute", runner.RecomputeActivations, "what the backward pass makes again to save memory: `none|activations|blocks`")
		f.IntVar(&b.MicroBatch, "micro-batch", 0, "`images` of a step to work on at a time, a divisor of all batches: same result, less memory (0: all)")
		f.StringVar(&b.DropPathScope, "drop-path-scope", runner.DropPathAll, "blocks that stochastic depth acts on, `all|suffix`: all, as the paper does, or only those after the ones that never change, so that the feature cache stays possible")
		f.StringVar(&b.FeatureCache, "feature-cache", runner.FeatureCacheAuto, "where values of blocks that never change are stored: `auto|off|DIR`: auto is the user's folder for caches, where that is possible and pays")
		f.StringVar(&b.CachePrecision, "cache-precision", runner.FP32, "stored `precision` of the feature cache: fp32, or bf16 in half the space")
		f.Int64Var(&b.CacheMiB, "image-cache", 1024, "`MiB` of decoded images to keep in memory between epochs")
		f.BoolVar(&b.SkipBadImages, "skip-bad-images", false, "leave out images that can't be read, and count them, instead of failing the cell")
		f.BoolVar(&b.TensorBoard, "tensorboard", false, "write event files into the cells' folders below .work, for tensorboard --logdir")
		f.BoolVarP(&s.quiet, "quiet", "q", false, "no progress, only the result")
	})
}

func (s *sweepFlags) config(io streams) (sweep.Config, runner.UI, error) {
	var err error
	s.c.Base.Backbone, err = s.backbone.config()
	return s.c, runner.UI{Out: io.out, Err: io.err, Quiet: s.quiet, Version: version}, err
}

var vtabRunCommand = command{
	name:    "vtab run",
	purpose: "train the cells of a VTAB-1k table: methods x tasks x seeds",
	details: `
Trains every method on train800val200 of every task with every seed, with the recipe that was published
for it, and evaluates once on test after the last epoch. The tasks are the folders in --data. DTL and
DTL+ have recipes of their own for each task; the others share one (see the cells' files).

A cell that is done is the file RESULTS/TASK/METHOD/seed-S.json, adapters and checkpoints are in
RESULTS/.work. The same command again skips what is finished, goes on with what was interrupted and
tries again what failed. Several machines that share RESULTS split the work with --shard; each cell is
under a lock that is taken over when its owner is dead. 'dtl-tf vtab table RESULTS' prints the table.`,
	examples: []string{
		"dtl-tf vtab run --data vtab-1k --backbone ViT-B_16.npz --methods dtl,dtl+,linear,lora --out results",
		"dtl-tf vtab run --data vtab-1k --backbone ViT-B_16.npz --methods dtl --tasks natural,eurosat --seeds 42,43,44 --out results",
		"dtl-tf vtab run --data vtab-1k --backbone ViT-B_16.npz --methods dtl --tasks eurosat --set lr=0.003,drop_path=0.1 --out tried",
		"dtl-tf vtab run --data vtab-1k --backbone ViT-B_16.npz --methods all --shard 2/8 --out /shared/results",
	},
	keeps: true,
	flags: func(g *groups) func(context.Context, []string, streams) error {
		var s sweepFlags
		g.add("Input and output", func(f *pflag.FlagSet) {
			f.StringVar(&s.c.Base.Data, "data", "", "`folder` that the tasks' folders are in (required)")
			f.StringVar(&s.c.Base.Out, "out", "", "`folder` for the results, or with results (required)")
		})
		s.backbone.define(g, true)
		g.add("What is trained", func(f *pflag.FlagSet) {
			f.StringVar(&s.c.Methods, "methods", "dtl,dtl+,linear,lora", "`methods`: all, or some of "+runner.MethodNames())
			f.StringVar(&s.c.Tasks, "tasks", "all", "`tasks`: all, natural, specialized, structured, or names, with commas between them")
			f.StringVar(&s.c.Seeds, "seeds", "42", "`seeds`, with commas between them")
			f.StringVar(&s.c.Set, "set", "", "`values` that replace the recipes', recorded in the cells: lr, weight_decay, drop_path, epochs, batch, precision, pool (mean or cls), or an option of a method such as kernel; lr=0.003,drop_path=0.1")
			f.BoolVar(&s.c.Memory, "step-memory", true, "measure the memory of a step of each kind of cell, by tracing one of a session of its own")
		})
		s.machine(g)
		return func(ctx context.Context, args []string, io streams) error {
			if err := noArgs("vtab run", args); err != nil {
				return err
			}
			c, ui, err := s.config(io)
			if err == nil {
				err = sweep.Run(ctx, c, ui)
			}
			if err != nil {
				return fmt.Errorf("vtab run: %w", err)
			}
			return nil
		}
	},
}
