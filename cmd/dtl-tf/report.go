package main

import (
	"context"

	"github.com/spf13/pflag"

	"dtl-tf/runner/assess/page"
)

var reportCommand = command{
	name:    "report",
	args:    "RUN...",
	purpose: "write the report of an evaluation again, or a page that compares several",
	details: `
RUN is the folder of a run of fine-tune, or a folder that 'eval --out' wrote. The report of one is a page with its
accuracy, curves, calibration, confusion matrix, worst classes and most confident mistakes; it replaces
report.html in the folder unless --out names another file. For several, one page compares accuracies with
their intervals, the settings that differ, curves, the classes, and the answers to the same images. The path of the
page is printed.

The page is one file without scripts, which loads nothing from elsewhere. Pictures are read from the data set
again; those that have moved are left out and named.`,
	examples: []string{
		"dtl-tf report runs/photos",
		"dtl-tf report --data /mnt/photos runs/photos",
		"dtl-tf report --out dtl-or-lora.html runs/dtl runs/lora runs/linear",
	},
	writesFiles: true,
	flags: func(g *groups) func(context.Context, []string, streams) error {
		var c page.Config
		g.add("Input and output", func(f *pflag.FlagSet) {
			f.StringVar(&c.Out, "out", "", "`file` to write (default: report.html in the folder of one run, comparison.html in the working folder for several)")
			f.StringVar(&c.Data, "data", "", "`folder` of the data set, if it has moved since the evaluation")
		})
		return func(ctx context.Context, args []string, io streams) error {
			c.Runs = args
			return page.Report(ctx, c, io.ui(false))
		}
	},
}
