package main

import (
	"context"

	"github.com/spf13/pflag"

	"dtl-tf/runner"
	"dtl-tf/runner/compare"
)

var compareCommand = command{
	name:    "compare",
	purpose: "measure parameters, memory and speed of every method on this machine",
	details: `
Trains a few steps with each method on random images and prints a table: parameters; bytes of weights,
optimizer state, activations and gradients; seconds per step and images per second; and the published
figures beside them. No data set is needed. Finished rows are stored, so a second call with the same
settings measures only the missing ones. The row of a method that does not fit into memory says so.

--backbone takes a backbone file or the name of an architecture (vit_b16, vit_s16, vit_ti16). The latter
gets random weights, which cost the same memory and time as trained ones.

--tasks measures inference instead: seconds an image, memory and bytes to store for several tasks of each
method on one backbone, in one pass that shares what the method leaves as it is, and apart. Each number is
measured anew.`,
	examples: []string{
		"dtl-tf compare --backbone vit_ti16 --batch 8",
		"dtl-tf compare --batch 32 --format markdown --plot comparison.svg",
		"dtl-tf compare --backbone ViT-B_16.npz --methods full,lora,dtl,dtl+ --results runs",
		"dtl-tf compare --batch 8 --breakdown dtl",
		"dtl-tf compare --tasks 1,2,5,10,20 --batch 8 --methods dtl,dtl+,linear,lst,lora --plot tasks.svg",
	},
	writesFiles: true,
	flags: func(g *groups) func(context.Context, []string, streams) error {
		var (
			c        = compare.Default()
			settings = c.Settings()
			backbone backboneFlags
			quiet    bool
		)
		g.add(compare.GroupMeasured, func(f *pflag.FlagSet) { define(f, group(compare.GroupMeasured, settings)...) })
		backbone.define(g, false)
		g.add(compare.GroupOutput, func(f *pflag.FlagSet) {
			define(f, group(compare.GroupOutput, settings)...)
			f.BoolVarP(&quiet, "quiet", "q", false, "print the result without progress")
		})
		g.add(runner.GroupMachine, func(f *pflag.FlagSet) { define(f, group(runner.GroupMachine, settings)...) })
		return func(ctx context.Context, args []string, io streams) error {
			backbone.path = c.Path
			var err error
			if c.BackboneConfig, err = backbone.config(io, quiet); err != nil {
				return err
			}
			return compare.Run(ctx, c, io.ui(quiet), nil)
		}
	},
}
