package main

import (
	"context"
	"fmt"

	"github.com/spf13/pflag"

	"dtl-tf/graph/spell"
	"dtl-tf/runner/data"
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
by number, and a note says so.

Several adapters of one backbone are evaluated in one pass, each on its own data set: give --adapter and
--data once for each, in the same order, or one --data for all. --adapter is then a file, NAME=FILE, the
folder of a run, or a folder of such folders. What the methods leave as it is runs once, and so do images
that occur in several data sets: those whose files have the same bytes.

--out writes the evaluation into a folder of its own: predictions.csv (the answer for every image),
per_class.csv, confusion.csv, evaluation.json (the figures) and report.html. Several adapters get a folder
each, and comparison.html compares them.

An adapter of --loss bce is evaluated on a table with labels. Its figures are the mean average precision, F1
and the share of images of which all classes are right; there is no confusion.csv, and no comparison. With
--json these are from 0 to 1, while top1 is in percent.`,
	examples: []string{
		"dtl-tf eval --backbone ViT-B_16.npz --adapter runs/eurosat/adapter.safetensors --data vtab-1k/eurosat --split test",
		"dtl-tf eval --adapter runs/digits/adapter.safetensors --data data/digits --json",
		"dtl-tf eval --adapter runs/photos --data new-photos --split train --out evaluations/new-photos",
		"dtl-tf eval --backbone ViT-B_16.npz --adapter runs/cats --data data/cats --adapter runs/tiles --data data/tiles",
	},
	flags: func(g *groups) func(context.Context, []string, streams) error {
		var (
			c       infer.EvalConfig
			adapted adaptedFlags
			asJSON  bool
		)
		g.add("Input and output", func(f *pflag.FlagSet) {
			adapted.files(f, "default: the backbone's own head")
			f.StringArrayVar(&c.DataSets, "data", nil, "data set `path`, a folder or a table (required); for several adapters one for each, in their order, or one for all")
			f.StringVar(&c.Split, "split", "test", "`split`: test, val, train or trainval")
			accept(f, "split", data.Test, data.Val, data.Train, data.TrainVal)
			f.StringVar(&c.Out, "out", "", "`folder` for the answers, their figures and a report (default: none are written)")
			f.BoolVar(&c.Overwrite, "overwrite", false, "replace the evaluation in --out")
			f.BoolVar(&c.SkipBadImages, "skip-bad-images", false, "skip and count images that can't be read, instead of stopping")
			f.BoolVar(&asJSON, "json", false, `print {"top1":..,"images":..}, of --loss bce {"images":..,"map":..,"micro_f1":..,"macro_f1":..,"exact_match":..}; for several adapters one line each, with "adapter":.. and "data":..`)
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
			c.Adapters = adapted.adapters
			if infer.Several(c.Adapters) {
				return evalTasks(ctx, c, io, asJSON)
			}
			if c.Adapter, err = infer.OneAdapter(c.Adapters); err != nil {
				return err
			}
			if len(c.DataSets) > 1 {
				return usagef("%d --data: one adapter is evaluated on one data set", len(c.DataSets))
			}
			if len(c.DataSets) == 1 {
				c.Data = c.DataSets[0]
			}
			score, err := infer.Eval(ctx, c, io.ui(false))
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(io.out, score)
			}
			fmt.Fprintf(io.out, "%s (%s)\n", score, c.Split)
			return nil
		}
	},
}

func evalTasks(ctx context.Context, c infer.EvalConfig, io streams, asJSON bool) error {
	scores, err := infer.EvalTasks(ctx, c, io.ui(false))
	if err != nil {
		return err
	}
	for _, s := range scores {
		if asJSON {
			err = printJSON(io.out, s)
		} else {
			_, err = fmt.Fprintf(io.out, "%s: %s (%s of %s)\n", spell.Line(s.Adapter), s.Scored, c.Split, spell.Line(s.Data))
		}
		if err != nil {
			return err
		}
	}
	return nil
}
