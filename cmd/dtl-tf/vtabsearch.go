package main

import (
	"context"
	"strings"

	"github.com/spf13/pflag"

	"dtl-tf/runner"
	"dtl-tf/runner/report"
	"dtl-tf/runner/vtab/sweep"
)

var vtabSearchCommand = command{
	name:    "vtab search",
	purpose: "find a recipe for a VTAB-1k task on its training and validation images",
	details: `
Trains the method with every point of the grid on train800 and evaluates it on val200. Prints the points by
accuracy, and the best one as a --set for 'dtl-tf vtab run'. The test images are not opened. Values that a point
does not set are those of the task's recipe. Each point has its own folder of results in --out; the same
command again trains only the missing points.`,
	examples: []string{
		"dtl-tf vtab search --task eurosat --method dtl --grid 'lr=1e-3,3e-3,8e-3;drop_path=0,0.1' --data vtab-1k --backbone ViT-B_16.npz --out search",
		"dtl-tf vtab search --task dtd --method dtl+ --grid 'kernel=3,4,5' --set epochs=50 --seeds 42,43 --data vtab-1k --out search-dtd",
	},
	writesFiles: true,
	flags: func(g *groups) func(context.Context, []string, streams) error {
		s, format := newSweepFlags(), ""
		g.add(runner.GroupFiles, func(f *pflag.FlagSet) {
			s.files(f, "")
			f.StringVar(&format, "format", report.Text, "`format` of the table: "+strings.Join(report.Formats(), ", "))
		})
		s.backbone.define(g, true)
		g.add("What is trained", func(f *pflag.FlagSet) {
			f.StringVar(&s.c.Tasks, "task", "", "`name` of the task, or of its folder (required)")
			f.StringVar(&s.c.Methods, "method", "dtl", "`name` of the method")
			f.StringVar(&s.c.Grid, "grid", "", "`values` to try: NAME=VALUE,VALUE, separated by semicolons; the names are those of --set (required)")
			f.StringVar(&s.c.Seeds, "seeds", "42", "comma-separated `seeds`; the mean over them decides")
			f.StringVar(&s.c.Set, "set", "", "`values` that override the recipe at all points")
		})
		s.machine(g)
		return s.call(func(ctx context.Context, c sweep.Config, ui runner.UI) error { return sweep.Search(ctx, c, ui, format) })
	},
}
