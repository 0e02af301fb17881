package main

import (
	"context"
	"fmt"

	"github.com/spf13/pflag"

	"dtl-tf/runner/infer"
)

var evalCommand = command{
	name:    "eval",
	purpose: "measure the accuracy of an adapter on a split of a data set",
	details: `
Adapter files record their method and settings. Files of the official PyTorch implementation do not; for
them the flags of the group "Method" supply what the tensors' shapes do not tell. A flag that contradicts
the file is an error. Without --adapter, the backbone's own head is evaluated.

Class folders are matched to the adapter's classes by name. Some of the classes may be missing in the data
set, but images of a class unknown to the adapter are an error. Lists have only numbers, so they are matched
by number, and a note says so.`,
	examples: []string{
		"dtl-tf eval --backbone ViT-B_16.npz --adapter runs/eurosat/adapter.safetensors --data vtab-1k/eurosat --split test",
		"dtl-tf eval --adapter runs/digits/adapter.safetensors --data data/digits --json",
	},
	flags: func(g *groups) func(context.Context, []string, streams) error {
		var (
			c       infer.EvalConfig
			adapted adaptedFlags
			asJSON  bool
		)
		g.add("Input and output", func(f *pflag.FlagSet) {
			adapted.file(f, "default: the backbone's own head")
			f.StringVar(&c.Data, "data", "", "data set `folder` (required)")
			f.StringVar(&c.Split, "split", "test", "`split`: test, val, train or trainval")
			f.BoolVar(&c.SkipBadImages, "skip-bad-images", false, "skip and count images that can't be read, instead of stopping")
			f.BoolVar(&asJSON, "json", false, `print {"top1":..,"images":..}`)
		})
		adapted.define(g)
		g.add("Machine", func(f *pflag.FlagSet) {
			f.IntVar(&c.Batch, "batch", 64, "`images` at a time")
			f.IntVar(&c.Threads, "threads", 0, "`threads` of TensorFlow (default: all that the process may use)")
		})
		return func(ctx context.Context, args []string, io streams) error {
			var err error
			if c.AdaptedConfig, err = adapted.config(g, io); err != nil {
				return err
			}
			score, err := infer.Eval(ctx, c, io.ui(false))
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(io.out, score)
			}
			fmt.Fprintf(io.out, "top-1 %.2f %% of %d images (%s)\n", score.Top1, score.Images, c.Split)
			return nil
		}
	},
}
