package main

import (
	"context"
	"strings"

	"github.com/spf13/pflag"

	"dtl-tf/runner"
	"dtl-tf/runner/finetune"
	"dtl-tf/runner/report"
	"dtl-tf/runner/sweep"
	"dtl-tf/runner/vtab"
)

var vtabSearchCommand = command{
	name:    "vtab search",
	purpose: "find a recipe for a VTAB-1k task on its training and validation images",
	details: `
Trains the method with every point of the grid on train800 and evaluates it on val200. Prints the points by
accuracy, and the best one as a --set for 'dtl-tf vtab run'. The test images are not opened. Values that a point
does not set are those of the task's recipe. Each point has its own folder of results in --out; the same
command again trains only the missing points.

Points that differ only in lr, weight_decay, drop_path and options of the method train on one forward pass of the
blocks that the method leaves alone, as far as memory suffices. Drop path in these blocks prevents that
(--drop-path-scope suffix spares them), and so do methods such as lora.`,
	examples: []string{
		"dtl-tf vtab search --task eurosat --method dtl --grid 'lr=1e-3,3e-3,8e-3;drop_path=0,0.1' --data vtab-1k --backbone ViT-B_16.npz --out search",
		"dtl-tf vtab search --task dtd --method dtl+ --grid 'kernel=3,4,5' --set epochs=50 --seeds 42,43 --data vtab-1k --out search-dtd",
	},
	writesFiles: true,
	flags: func(g *groups) func(context.Context, []string, streams) error {
		c := vtab.Config{Config: sweep.Config{Config: finetune.Default()}}
		s, format := newSweepFlags(&c.Config), ""
		g.add(runner.GroupFiles, func(f *pflag.FlagSet) {
			s.files(f, tasksFolder, "`folder` for the results (required)")
			f.StringVar(&format, "format", report.Text, "`format` of the table: "+strings.Join(report.Formats(), ", "))
			accept(f, "format", report.Formats()...)
		})
		s.backbone.define(g, true)
		g.add("What is trained", func(f *pflag.FlagSet) {
			f.StringVar(&c.Tasks, "task", "", "`name` of the task, or of its folder (required)")
			f.StringVar(&c.Methods, "method", "dtl", "`name` of the method")
			accept(f, "method", runner.Methods()...)
			f.StringVar(&c.Grid, "grid", "", "`values` to try: NAME=VALUE,VALUE, separated by semicolons; the names are those of --set (required)")
			f.StringVar(&c.Seeds, "seeds", "42", "comma-separated `seeds`; the mean over them decides")
			f.StringVar(&c.Set, "set", "", "`values` that override the recipe at all points")
		})
		s.machine(g)
		return s.call(func(ctx context.Context, ui runner.UI) error { return vtab.Search(ctx, c, ui, format) })
	},
}
