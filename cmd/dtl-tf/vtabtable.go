package main

import (
	"context"
	"strings"

	"github.com/spf13/pflag"

	"dtl-tf/runner/report"
	"dtl-tf/runner/vtab/summary"
)

// paperFormat defines the flag of the format of a table for papers.
func paperFormat(f *pflag.FlagSet, format *string) {
	f.StringVar(format, "format", report.Text, "`format`: "+strings.Join(report.PaperFormats(), ", "))
	accept(f, "format", report.PaperFormats()...)
}

var vtabTableCommand = command{
	name:    "vtab table",
	args:    "RESULTS...",
	purpose: "print the table of VTAB-1k from the results of 'vtab run'",
	details: `
The table has one row per method: the 19 tasks in three groups with each group's mean, the mean of the three groups,
the mean of the 19 tasks, trainable parameters without the classifier, and the peak memory of a training step. Cells
are means over seeds, with the sample standard deviation for two or more. Missing cells stay blank, and so does every
mean that would include one. Footnotes say how each row was trained, what failed and what is missing. The text form
fits 160 columns.

Results in several folders form one table. Results of different data sets for one task, or of different backbones, are
an error. Files that cannot be read are named and left out, and the exit code is 1.

--plot draws the mean accuracy of the tasks that all methods have against the memory of a step and against the
processor time of a training.

--quote adds rows published for ViT-B/16, marked with a dagger, with their sources.`,
	examples: []string{
		"dtl-tf vtab table results",
		"dtl-tf vtab table results --quote dtl,dtl+,lora",
		"dtl-tf vtab table machine1 machine2 --format latex > table.tex",
		"dtl-tf vtab table results --format json",
		"dtl-tf vtab table results --plot costs.svg",
	},
	flags: func(g *groups) func(context.Context, []string, streams) error {
		var c summary.Config
		g.add("Output", func(f *pflag.FlagSet) {
			paperFormat(f, &c.Format)
			f.StringVar(&c.Plot, "plot", "", "`file` for the figure, ending in .svg or .png")
			f.StringVar(&c.Quote, "quote", "", "`methods` to quote below the measured ones: all, or a comma-separated list")
		})
		return func(_ context.Context, args []string, io streams) error {
			c.Folders = args
			return summary.Run(c, io.ui(false))
		}
	},
}
