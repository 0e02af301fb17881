package main

import (
	"context"

	"github.com/spf13/pflag"

	"dtl-tf/runner/cache"
	"dtl-tf/runner/report"
)

var cacheListCommand = command{
	name:    "cache list",
	purpose: "list the feature caches that fine-tune and vtab run have stored (--feature-cache)",
	details: `
A cache belongs to one set of images, one backbone and one preprocessing. Runs with different methods,
learning rates, seeds and labels share it. The column "values" counts the values stored per image, such as block
inputs.`,
	examples: []string{"dtl-tf cache list", "dtl-tf cache list --dir /scratch/features"},
	flags: func(g *groups) func(context.Context, []string, streams) error {
		var dir string
		var asJSON bool
		g.add("What", func(f *pflag.FlagSet) {
			defineCacheDir(f, &dir)
			f.BoolVar(&asJSON, "json", false, "print JSON")
		})
		return func(_ context.Context, args []string, io streams) error {
			format := report.Text
			if asJSON {
				format = report.JSON
			}
			return cache.List(dir, format, io.ui(false))
		}
	},
}

var cacheClearCommand = command{
	name:    "cache clear",
	args:    "[NAME]...",
	purpose: "remove feature caches, all or by name",
	details: `
Removes only files of feature caches. If a run is using a cache, that cache stays and the command fails.`,
	examples:    []string{"dtl-tf cache clear", "dtl-tf cache clear 5d41402abc4b2a76"},
	writesFiles: true,
	flags: func(g *groups) func(context.Context, []string, streams) error {
		var dir string
		g.add("What", func(f *pflag.FlagSet) { defineCacheDir(f, &dir) })
		return func(_ context.Context, args []string, io streams) error {
			return cache.Clear(dir, args, io.ui(false))
		}
	},
}

func defineCacheDir(f *pflag.FlagSet, dir *string) {
	f.StringVar(dir, "dir", "", "`folder` of the feature caches (default: dtl-tf/features in the user's cache folder)")
}
