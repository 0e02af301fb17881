package main

import (
	"context"

	"github.com/spf13/pflag"

	"dtl-tf/runner/check"
)

var dataCheckCommand = command{
	name:    "data check",
	args:    "DATA",
	purpose: "look a data set over before training, and say what to do about it",
	details: `
DATA is what fine-tune takes: a folder, or a table of paths and labels (.csv, .jsonl). All images are read and
decoded. The report counts the images of each class and split and lists
  problems   files that can't be read or decoded, files with the same content that have two labels or are in two
             splits, a single class
  remarks    pictures that look alike (scaled, compressed or brightened copies) and have two labels or are in two
             splits, files that are there twice, tiny, huge and long pictures, small and unbalanced classes, pictures
             with an EXIF orientation and what training does about it, files that are passed over

The exit code is 1 if there are problems: they make training impossible or its result wrong. Remarks do not
change the exit code.`,
	examples: []string{
		"dtl-tf data check my-photos",
		"dtl-tf data check photos/labels.csv --json",
		"dtl-tf data check photos/tags.csv --loss bce",
	},
	flags: func(g *groups) func(context.Context, []string, streams) error {
		var (
			c     check.Config
			quiet bool
		)
		g.add("Images", func(f *pflag.FlagSet) {
			f.StringVar(&c.Loss, "loss", "ce", "`ce|bce`: as in fine-tune; with bce, images of a table have any number of labels, as a|b in CSV or a list in JSON")
		})
		g.add("Output", func(f *pflag.FlagSet) {
			f.BoolVar(&c.JSON, "json", false, "print the report as JSON")
			f.BoolVarP(&quiet, "quiet", "q", false, "print the result without progress")
		})
		return func(ctx context.Context, args []string, io streams) error {
			if len(args) != 1 {
				return usagef("give a data set (see 'dtl-tf data check --help')")
			}
			c.Data = args[0]
			return check.Run(ctx, c, io.ui(quiet))
		}
	},
}
