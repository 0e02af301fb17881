package main

import (
	"context"

	"github.com/spf13/pflag"

	"dtl-tf/runner"
	"dtl-tf/runner/fewshot"
)

var fewshotRunCommand = command{
	name:    "fewshot run",
	purpose: "train the cells of a few-shot table: methods x data sets x shots x splits",
	details: `
Trains every method on 1, 2, 4, 8 and 16 images of each class of every data set, for three splits, with the published
recipe and protocol: random resized crop, flip and RandAugment; test images scaled to 256 x 256, of which the centre
of 224 x 224 counts; the weights of the epoch that is the best on the validation images, looked at every 10 epochs.

--data is the root of the official layout, with the pictures in SET/ and the lists in few-shot_split/SET/annotations/
(SET: fgvc-aircraft, food101, oxford-flowers102, oxford-pets, standford-cars). Or it is a folder of class folders of
your own: then half of each class is for training (more if the shots need it), and of the rest 40 % for validation and
60 % for test, at least one image each. The lists are drawn at random with --seed, written to RESULTS/few-shot_split
and read again by later calls; --splits gives them to calls with another --out.

A finished cell is the file RESULTS/SET/shots-N/METHOD/seed-S.json, where S is the seed of the split; adapters and
checkpoints are in RESULTS/.work. Run the same command again to resume. Several machines that share RESULTS divide the
work with --shard. 'dtl-tf fewshot table RESULTS' prints the table and draws the figure.`,
	examples: []string{
		"dtl-tf fewshot run --data few-shot --backbone ViT-B_16.npz --methods dtl,dtl+,linear,lora --out results",
		"dtl-tf fewshot run --data few-shot --backbone ViT-B_16.npz --methods dtl --sets flowers,pets --shots 1,4 --seeds 0 --out results",
		"dtl-tf fewshot run --data my-photos --shots 1,2,4,8 --methods dtl,linear --set epochs=50 --out results",
		"dtl-tf fewshot run --data my-photos --splits results/few-shot_split --backbone ViT-B_16.npz --shots 1,2,4,8 --out others",
	},
	writesFiles: true,
	flags: func(g *groups) func(context.Context, []string, streams) error {
		c := fewshot.Default()
		s := newSweepFlags(&c.Config)
		g.add(runner.GroupFiles, func(f *pflag.FlagSet) {
			s.files(f, "`folder` with few-shot_split/ and the pictures of each set, or of class folders (required)", "`folder` for the results; may contain results already (required)")
			f.StringVar(&c.Splits, "splits", "", "`folder` with the lists SET/annotations/* (default: few-shot_split in --data, or for class folders lists drawn into --out)")
		})
		s.backbone.define(g, true)
		g.add("What is trained", func(f *pflag.FlagSet) {
			s.methods(f)
			f.StringVar(&c.Sets, "sets", "", "comma-separated data `sets`: all, or names (default: those that have lists)")
			f.StringVar(&c.Shots, "shots", c.Shots, "comma-separated `numbers` of training images of each class")
			f.StringVar(&c.Seeds, "seeds", c.Seeds, "comma-separated `seeds` of the splits")
			s.overrides(f, "lr=0.003,epochs=50")
		})
		g.add("Protocol", func(f *pflag.FlagSet) {
			s.transforms(f)
			settings := c.Settings()
			define(f,
				setting(settings, "select", "weights to test, `last|best`: those after the last epoch, or those of the epoch that is the best on the validation images (val_meta.list)"),
				setting(settings, "select-every", ""),
				setting(settings, "seed", "`seed` of the training, the same for all cells, and of drawing lists"))
		})
		s.machine(g)
		return s.call(func(ctx context.Context, ui runner.UI) error { return fewshot.Run(ctx, c, ui) })
	},
}
