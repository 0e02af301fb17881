package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/pflag"

	"dtl-tf/runner/report"
	"dtl-tf/runner/vtab/sweep"
)

var vtabSearchCommand = command{
	name:    "vtab search",
	purpose: "find a recipe for a VTAB-1k task on its training and validation images",
	details: `
Trains the method with every point of the grid on train800, evaluates each on val200, and prints the
points by accuracy and the winner as 'dtl-tf vtab run' takes it. The test images are not opened. What a
point does not say is as in the task's recipe. Each point is a folder of results of its own in --out; the
same command again trains only what is missing.`,
	examples: []string{
		"dtl-tf vtab search --task eurosat --method dtl --grid 'lr=1e-3,3e-3,8e-3;drop_path=0,0.1' --data vtab-1k --backbone ViT-B_16.npz --out search",
		"dtl-tf vtab search --task dtd --method dtl+ --grid 'kernel=3,4,5' --set epochs=50 --seeds 42,43 --data vtab-1k --out search-dtd",
	},
	keeps: true,
	flags: func(g *groups) func(context.Context, []string, streams) error {
		var (
			s      sweepFlags
			format string
		)
		g.add("Input and output", func(f *pflag.FlagSet) {
			f.StringVar(&s.c.Base.Data, "data", "", "`folder` that the tasks' folders are in (required)")
			f.StringVar(&s.c.Base.Out, "out", "", "`folder` for the results of the points (required)")
			f.StringVar(&format, "format", report.Text, "`format` of the table: "+strings.Join(report.Formats(), ", "))
		})
		s.backbone.define(g, true)
		g.add("What is trained", func(f *pflag.FlagSet) {
			f.StringVar(&s.c.Tasks, "task", "", "`task`: its folder or another of its names (required)")
			f.StringVar(&s.c.Methods, "method", "dtl", "`name` of the method")
			f.StringVar(&s.c.Grid, "grid", "", "`values` to try: NAME=VALUE,VALUE with semicolons between names; names as for --set (required)")
			f.StringVar(&s.c.Seeds, "seeds", "42", "`seeds`, with commas between them; with several their mean decides")
			f.StringVar(&s.c.Set, "set", "", "`values` that replace the recipe's at all points")
		})
		s.machine(g)
		return func(ctx context.Context, args []string, io streams) error {
			if err := noArgs("vtab search", args); err != nil {
				return err
			}
			c, ui, err := s.config(io)
			if err == nil {
				err = sweep.Search(ctx, c, ui, format)
			}
			if err != nil {
				return fmt.Errorf("vtab search: %w", err)
			}
			return nil
		}
	},
}
