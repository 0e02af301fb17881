package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/pflag"

	"dtl-tf/runner"
	"dtl-tf/runner/report"
	"dtl-tf/runner/vtab/summary"
)

var vtabTableCommand = command{
	name:    "vtab table",
	args:    "RESULTS...",
	purpose: "print the table of VTAB-1k from the results of 'vtab run'",
	details: `
A row a method: the 19 tasks in three groups with each group's mean, the mean of the three groups and the mean of
the 19 tasks, trainable parameters without the classifier, and the peak memory of a training step. Cells are means over
seeds, with the sample standard deviation where there are two or more. An average is printed only where all of its
tasks have a result. Footnotes say what each row was trained with, what failed and what is missing. The text form fits
160 columns.

Several folders make one table. Results of different data sets for one task, or of different backbones, are refused.
Files that cannot be read are named and left out; the exit code is 1 then.

--quote adds rows that papers print for ViT-B/16, with their sources. They are marked with a dagger.`,
	examples: []string{
		"dtl-tf vtab table results",
		"dtl-tf vtab table results --quote dtl,dtl+,lora",
		"dtl-tf vtab table machine1 machine2 --format latex > table.tex",
		"dtl-tf vtab table results --format json",
	},
	flags: func(g *groups) func(context.Context, []string, streams) error {
		var c summary.Config
		g.add("Output", func(f *pflag.FlagSet) {
			f.StringVar(&c.Format, "format", report.Text, "`format`: "+strings.Join(summary.Formats(), ", "))
			f.StringVar(&c.Quote, "quote", "", "`methods` to quote below the measured ones: all, or names with commas between them")
		})
		return func(_ context.Context, args []string, io streams) error {
			c.Folders = args
			if err := summary.Run(c, runner.UI{Out: io.out, Err: io.err, Version: version}); err != nil {
				return fmt.Errorf("vtab table: %w", err)
			}
			return nil
		}
	},
}
