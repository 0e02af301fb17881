package main

import (
	"context"
	"strings"

	"github.com/spf13/pflag"

	"dtl-tf/runner/report"
	"dtl-tf/runner/vtab/check"
)

var vtabCheckCommand = command{
	name:    "vtab check",
	args:    "ROOT",
	purpose: "look for mistakes in the data sets of VTAB-1k",
	details: `
ROOT contains a folder for each task with train800.txt, val200.txt, train800val200.txt, test.txt and images/. The
command checks the lists, their lengths and labels against VTAB-1k, and looks for classes without images, missing
files, images that cannot be decoded, and images that are both in train and in test or twice in a list (the same
bytes, or the same pixels at the 224 x 224 of a backbone). The table shows the fingerprint that a run on the data
would record, and whether lists and pixels are those of VTAB-1k: by what 'data prepare' recorded, or by the
lists alone.

Every problem is printed with its file and line, and the exit code is 1. Remarks do not change the exit code.`,
	examples: []string{
		"dtl-tf vtab check vtab-1k",
		"dtl-tf vtab check vtab-1k --tasks natural,eurosat",
		"dtl-tf vtab check vtab-1k --quick --format json",
	},
	flags: func(g *groups) func(context.Context, []string, streams) error {
		var (
			c     check.Config
			quiet bool
		)
		g.add("What is checked", func(f *pflag.FlagSet) {
			f.StringVar(&c.Tasks, "tasks", "", "comma-separated `tasks` that must be there: all, natural, specialized, structured, or names (default: those that are there)")
			f.BoolVar(&c.Quick, "quick", false, "read all files without decoding the images")
		})
		g.add("Output", func(f *pflag.FlagSet) {
			f.StringVar(&c.Format, "format", report.Text, "`format`: "+strings.Join(report.Formats(), ", "))
			accept(f, "format", report.Formats()...)
			f.BoolVarP(&quiet, "quiet", "q", false, "print the result without progress")
		})
		return func(ctx context.Context, args []string, io streams) error {
			if len(args) != 1 {
				return usagef("give the folder with the data sets (see 'dtl-tf vtab check --help')")
			}
			c.Root = args[0]
			return check.Run(ctx, c, io.ui(quiet))
		}
	},
}
