package main

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/pflag"

	"dtl-tf/graph"
	"dtl-tf/runner"
	"dtl-tf/runner/compare"
	"dtl-tf/runner/report"
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
gets random weights, which cost the same memory and time as trained ones.`,
	examples: []string{
		"dtl-tf compare --backbone vit_ti16 --batch 8",
		"dtl-tf compare --batch 32 --format markdown --plot comparison.svg",
		"dtl-tf compare --backbone ViT-B_16.npz --methods full,lora,dtl,dtl+ --results runs",
		"dtl-tf compare --batch 8 --breakdown dtl",
	},
	writesFiles: true,
	flags: func(g *groups) func(context.Context, []string, streams) error {
		var (
			c        compare.Config
			backbone backboneFlags
			quiet    bool
		)
		g.add("What is measured", func(f *pflag.FlagSet) {
			f.StringVar(&backbone.path, "backbone", "vit_b16", "`name` of an architecture, or a file or SavedModel folder")
			f.StringVar(&c.Methods, "methods", compare.All, "`methods`: all, or a comma-separated list of "+strings.Join(compare.Methods(), ", "))
			f.IntVar(&c.Batch, "batch", 32, "`images` per step; the program never lowers it")
			f.IntVar(&c.Classes, "classes", 100, "number of `classes` of the classifier")
			f.StringVar(&c.Recompute, "recompute", graph.RecomputeNone.String(), "what the backward pass recomputes to save memory, `none|activations|blocks` (none saves the activations that PyTorch saves)")
			f.StringVar(&c.Precision, "precision", string(graph.FP32), "`precision` of matrix products: "+strings.Join(graph.Precisions(), ", "))
			f.IntVar(&c.Steps, "steps", 5, "timed `steps`, after two warm-up steps")
		})
		backbone.define(g, false)
		g.add("Output", func(f *pflag.FlagSet) {
			f.StringVar(&c.Format, "format", report.Text, "`format`: "+strings.Join(report.Formats(), ", "))
			f.StringVar(&c.Plot, "plot", "", "write a figure of accuracy against parameters and memory to this .svg or .png `file`")
			f.StringVar(&c.Breakdown, "breakdown", "", "show the largest tensors at the peak of this `method`; measures only this one unless --methods is given")
			f.StringVar(&c.Results, "results", "", "`folder` with your own runs, to show their accuracies too")
			f.StringVar(&c.Out, "out", "", "`folder` for finished rows (default: dtl-tf/compare in the user's cache folder)")
			f.BoolVar(&c.Fresh, "fresh", false, "measure stored rows anew")
			f.BoolVarP(&quiet, "quiet", "q", false, "print the result without progress")
		})
		g.add("Machine", func(f *pflag.FlagSet) {
			f.IntVar(&c.Threads, "threads", 0, "`threads` of TensorFlow (default: all that the process may use)")
		})
		return func(ctx context.Context, args []string, io streams) error {
			if err := noArgs("compare", args); err != nil {
				return err
			}
			var err error
			if c.Backbone, err = backbone.config(); err != nil {
				return err
			}
			ui := runner.UI{Out: io.out, Err: io.err, Version: version, Quiet: quiet}
			if err := compare.Run(ctx, c, ui, nil); err != nil {
				return fmt.Errorf("compare: %w", err)
			}
			return nil
		}
	},
}

// compareOne measures one method. 'dtl-tf compare' starts a process with it for each method; users do not, and help does not
// list it.
func compareOne(io streams) error {
	return compare.Child(os.Stdin, io.out, func() { os.Exit(exitFailed) })
}
