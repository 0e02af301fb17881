package main

import (
	"context"

	"github.com/spf13/pflag"

	"dtl-tf/runner/fewshot/summary"
)

var fewshotTableCommand = command{
	name:    "fewshot table",
	args:    "RESULTS...",
	purpose: "print the table of the few-shot experiment, and draw accuracy against shots",
	details: `
The table has one row per method and number of shots, one column per data set, and the mean over the data sets. Scores
are means over the splits, with the sample standard deviation for two or more. Missing cells stay blank and are named
below, and so does every mean over data sets that would include one. Notes say how the cells were trained and what
failed.

--plot draws the figure that papers on few-shot recognition print: a panel for each data set with accuracy against
shots, and one for their average.

Results in several folders form one table. Results of different images for one split, or of different backbones, are an
error. Files that cannot be read are named and left out, and the exit code is 1. No accuracy of DTL in this experiment
is published, so there are no rows to quote.`,
	examples: []string{
		"dtl-tf fewshot table results --plot shots.svg",
		"dtl-tf fewshot table machine1 machine2 --format latex > table.tex",
		"dtl-tf fewshot table results --format csv",
	},
	flags: func(g *groups) func(context.Context, []string, streams) error {
		var c summary.Config
		g.add("Output", func(f *pflag.FlagSet) {
			paperFormat(f, &c.Format)
			f.StringVar(&c.Plot, "plot", "", "`file` for the figure, ending in .svg or .png")
		})
		return func(_ context.Context, args []string, io streams) error {
			c.Folders = args
			return summary.Run(c, io.ui(false))
		}
	},
}
