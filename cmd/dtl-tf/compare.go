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
Trains a few steps with each method on random images and prints a table: parameters, the bytes of
weights, optimizer, activations and gradients, seconds a step, images a second; beside it what is
published. No data set is needed. Finished rows are kept, so a second call with the same settings
measures only what is missing. A method that does not fit into memory says so in its row.

--backbone takes the name of an architecture (vit_b16, vit_s16, vit_ti16: random weights, which cost
the same memory and time as trained ones) or a backbone's file.`,
	examples: []string{
		"dtl-tf compare --backbone vit_ti16 --batch 8",
		"dtl-tf compare --batch 32 --format markdown --plot comparison.svg",
		"dtl-tf compare --backbone ViT-B_16.npz --methods full,lora,dtl,dtl+ --results runs",
		"dtl-tf compare --batch 8 --breakdown dtl",
	},
	keeps: true,
	flags: func(g *groups) func(context.Context, []string, streams) error {
		var (
			c        compare.Config
			backbone backboneFlags
			quiet    bool
		)
		g.add("What is measured", func(f *pflag.FlagSet) {
			f.StringVar(&backbone.path, "backbone", "vit_b16", "`name` of an architecture, or a file or SavedModel folder")
			f.StringVar(&c.Methods, "methods", compare.All, "`methods`: all, or some of "+strings.Join(compare.Methods(), ", ")+" with commas between them")
			f.IntVar(&c.Batch, "batch", 32, "`images` in a step; never lowered by the program")
			f.IntVar(&c.Classes, "classes", 100, "`classes` of the classifier")
			f.StringVar(&c.Recompute, "recompute", graph.RecomputeNone.String(), "what the backward pass makes again to save memory (none keeps what PyTorch keeps): `none|activations|blocks`")
			f.StringVar(&c.Precision, "precision", string(graph.FP32), "`precision` of matrix products: "+strings.Join(graph.Precisions(), ", "))
			f.IntVar(&c.Steps, "steps", 5, "timed `steps`, after two of warm-up")
		})
		backbone.define(g, false)
		g.add("Output", func(f *pflag.FlagSet) {
			f.StringVar(&c.Format, "format", report.Text, "`format`: "+strings.Join(report.Formats(), ", "))
			f.StringVar(&c.Plot, "plot", "", "write accuracy against parameters and memory as a figure into this .svg or .png `file`")
			f.StringVar(&c.Breakdown, "breakdown", "", "show the largest tensors at the peak of this `method`; alone unless --methods is given")
			f.StringVar(&c.Results, "results", "", "`folder` with runs of your own, whose accuracies are shown too")
			f.StringVar(&c.Out, "out", "", "`folder` in which finished rows are kept (default: dtl-tf/compare in the user's cache folder)")
			f.BoolVar(&c.Fresh, "fresh", false, "measure again what is kept")
			f.BoolVarP(&quiet, "quiet", "q", false, "no progress, only the result")
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

// compareOne is what 'dtl-tf compare' starts this program with, once for each method. It is no command for people
// and not in the help.
func compareOne(io streams) error { return compare.Child(os.Stdin, io.out) }
