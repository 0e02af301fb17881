package main

import (
	"context"

	"github.com/spf13/pflag"

	"dtl-tf/runner/domain/summary"
)

var domainTableCommand = command{
	name:    "domain table",
	args:    "RESULTS...",
	purpose: "print the table of domain generalisation from the results of 'domain run'",
	details: `
The table has one row per method: the accuracy on the source's test images, on each target, and the mean over the
targets. Cells are means over seeds, with the sample standard deviation for two or more. Missing cells stay blank and
are named, and so does a mean that would include one. The lines below say whether one training was tested on all
targets or each target had its own; a table never mixes the two.

Results in several folders form one table. Results of different data or of different backbones are an error. Files
that cannot be read are named and left out, and the exit code is 1.`,
	examples: []string{
		"dtl-tf domain table results",
		"dtl-tf domain table results --mask",
		"dtl-tf domain table published --per-target --format latex > table.tex",
	},
	flags: func(g *groups) func(context.Context, []string, streams) error {
		var c summary.Config
		g.add("Output", func(f *pflag.FlagSet) {
			paperFormat(f, &c.Format)
			f.BoolVar(&c.Mask, "mask", false, "add a row for each method with the answers among the classes of each target only")
			f.StringVar(&c.Source, "source", "", "`name` of the source, if there are results of several")
			f.BoolVar(&c.PerTarget, "per-target", false, "print the trainings for single targets, if there are results of both protocols")
		})
		return func(_ context.Context, args []string, io streams) error {
			c.Folders = args
			return summary.Run(c, io.ui(false))
		}
	},
}
