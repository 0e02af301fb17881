package main

import (
	"context"
	"strings"

	"github.com/spf13/pflag"

	"dtl-tf/runner"
	"dtl-tf/runner/domain"
)

var domainRunCommand = command{
	name:    "domain run",
	purpose: "train on one domain and test on others: methods x seeds",
	details: `
Trains every method on the source with every seed, and tests the model after the last epoch on the source's test
images and on all targets. Your own domains are folders with the same class folders (CLASS/*, or train/CLASS/* and
test/CLASS/*), named by --source and --target. --data is the official layout of the experiment on ImageNet: 16 images
of each class in three draws (--seeds 0,1,2), tested on ImageNet, V2, Sketch, A and R.

One training is tested on all targets. --per-target is the published protocol instead: one training for each target,
with the learning rate that was published for this target.

A finished cell is the file RESULTS/SOURCE/METHOD/seed-S.json; adapters and checkpoints are in RESULTS/.work. Run the
same command again to resume: it skips finished cells, continues interrupted ones and retries failed ones. Several
machines that share RESULTS divide the work with --shard. 'dtl-tf domain table RESULTS' prints the table.`,
	examples: []string{
		"dtl-tf domain run --source photo=pacs/photo --target sketch=pacs/sketch --target cartoon=pacs/cartoon --out results",
		"dtl-tf domain run --source photo=pacs/photo --target sketch=pacs/sketch --methods dtl,linear --seeds 42,43,44 --set epochs=20 --out results",
		"dtl-tf domain run --data ROOT --backbone ViT-B_16.npz --out results",
		"dtl-tf domain run --data ROOT --backbone ViT-B_16.npz --methods dtl,dtl+ --per-target --out published",
	},
	writesFiles: true,
	flags: func(g *groups) func(context.Context, []string, streams) error {
		c := domain.Default()
		s := newSweepFlags(&c.Config)
		g.add(runner.GroupFiles, func(f *pflag.FlagSet) {
			s.files(f, "`folder` of the official layout, with imagenet/ and the targets' folders", "`folder` for the results; may contain results already (required)")
			f.StringVar(&c.Source, "source", "", "your own domain to train on, `NAME=FOLDER`")
			f.StringArrayVar(&c.Target, "target", nil, "your own domain to test on, `NAME=FOLDER`; may be given several times")
		})
		s.backbone.define(g, true)
		g.add("What is trained", func(f *pflag.FlagSet) {
			s.methods(f)
			f.StringVar(&c.Targets, "targets", "", "comma-separated `targets` of the official layout: all (default), or some of "+strings.Join(domain.OfficialTargets(), ", "))
			f.BoolVar(&c.PerTarget, "per-target", false, "train once for each target with its published learning rate, instead of once for all")
			f.StringVar(&c.Seeds, "seeds", "", "comma-separated `seeds` (default: 42; in the official layout 0,1,2, which are those of the training lists)")
			s.overrides(f, "lr=0.003,epochs=20")
		})
		g.add("Protocol", s.transforms)
		s.machine(g)
		return s.call(func(ctx context.Context, ui runner.UI) error { return domain.Run(ctx, c, ui) })
	},
}
