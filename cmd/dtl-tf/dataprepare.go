package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/pflag"

	"dtl-tf/runner/prepare"
)

var prepareCommand = command{
	name:    "data prepare",
	purpose: "make a data set in VTAB-1k's layout from class folders or published archives",
	details: `
--from is one of
  class folders       CLASS/IMAGE, or train/CLASS/IMAGE and test/CLASS/IMAGE (val/ too); a folder, .zip,
                      .tar or .tar.gz
  CIFAR-10, CIFAR-100 the python or the binary archive, packed or unpacked
  dSprites            the .hdf5 or the .npz, for the tasks dsprites_loc and dsprites_ori
  authors' archives   of other tasks: the archive, or the folder with all files of the data set, packed or
                      unpacked (docs/vtab.md lists them)
  TFDS record files   the folder of *.tfrecord-00000-of-00001, for the 19 tasks of VTAB-1k
Except from class folders, the images are VTAB-1k's: 800 and 200 records by their position in TFDS's order,
and the whole test set. The class folders of EuroSAT and RESISC45 yield VTAB-1k's images too, if they are
complete or --task names the task. From other class folders the images are drawn at random, in proportion to the
classes; the same seed draws the same images on every machine.

The lists of caltech101 do not follow from its archive: what is made from it is a substitute, which prepare.json,
run.json and tables call not official. TFDS processes the pictures of sun397 and diabetic_retinopathy, and so does
this command.

--task all prepares all tasks whose files are in the folder --from, each into a folder in --out, and says which
files are missing for the others. Tasks that are there already are kept.

Images are copied byte for byte; raw pixels (CIFAR, dSprites, SVHN, smallNORB, PatchCamelyon) are stored
losslessly as PNG. The data set appears under the name --out only when it is complete. Beside the lists,
classes.txt has the names of the classes if the source has them, sources.tsv the origin of each image, and
prepare.json that of the data set.`,
	examples: []string{
		"dtl-tf data prepare --from photos --out data/photos",
		"dtl-tf data prepare --from EuroSAT.zip --out vtab-1k/eurosat",
		"dtl-tf data prepare --from cifar-100-python.tar.gz --out vtab-1k/cifar",
		"dtl-tf data prepare --from dsprites.npz --out vtab-1k/dsprites_ori",
		"dtl-tf data prepare --from downloads/kitti --out vtab-1k/kitti",
		"dtl-tf data prepare --from downloads --task all --out vtab-1k",
		"dtl-tf data prepare --from tensorflow_datasets/clevr/3.1.0 --task clevr_count --out vtab-1k/clevr_count",
	},
	writesFiles: true,
	flags: func(g *groups) func(context.Context, []string, streams) error {
		var c prepare.Config
		var quiet bool
		g.add("Input and output", func(f *pflag.FlagSet) {
			f.StringVar(&c.From, "from", "", "`folder` or archive to read (required)")
			f.StringVar(&c.Out, "out", "", "`folder` of the new data set (required)")
			f.BoolVar(&c.Overwrite, "overwrite", false, "replace --out if it was made by this command")
			f.BoolVar(&c.Link, "link", false, "hard-link the images of class folders instead of copying them")
			f.BoolVar(&c.JPEG75, "jpeg75", false, "store all images as JPEG of quality 75, as the widely shared copy of VTAB-1k")
			f.BoolVarP(&quiet, "quiet", "q", false, "print the result without progress")
		})
		g.add("Selection", func(f *pflag.FlagSet) {
			f.StringVar(&c.Task, "task", "", "`name` of the VTAB-1k task, or all (default: the last part of --out, or the only task that --from can be)")
			f.IntVar(&c.Train, "train", 800, "`images` in train800.txt")
			f.IntVar(&c.Val, "val", 200, "`images` in val200.txt")
			f.IntVar(&c.Test, "test", -1, "maximum number of `images` in test.txt (default: all)")
			f.Uint64Var(&c.Seed, "seed", 42, "random `seed` of the draw from class folders")
			f.Lookup("test").DefValue = "0" // help hides a zero default, not -1
		})
		return func(ctx context.Context, args []string, io streams) error {
			c.Seeded = g.all.Changed("seed")
			if g.all.Changed("test") && c.Test < 0 {
				return usagef("--test %d: want at least 1 image", c.Test)
			}
			if c.Task == prepare.AllTasks {
				return prepareAll(ctx, c, io, quiet)
			}
			r, err := prepare.Run(ctx, c, io.ui(quiet))
			if errors.Is(err, context.Canceled) {
				return fmt.Errorf("interrupted, nothing was written to %s: %w", c.Out, err)
			}
			if err != nil {
				return err
			}
			fmt.Fprintf(io.out, "wrote %s\n", c.Out)
			return r.Print(io.out)
		}
	},
}

// prepareAll prepares every task that it can, and fails if one fails or nothing is there.
func prepareAll(ctx context.Context, c prepare.Config, io streams, quiet bool) error {
	list, err := prepare.All(ctx, c, io.ui(quiet))
	if errors.Is(err, context.Canceled) {
		return fmt.Errorf("interrupted, the tasks that were made are in %s; the same command continues: %w", c.Out, err)
	}
	if err != nil {
		return err
	}
	if err := prepare.PrintAll(io.out, list); err != nil {
		return err
	}
	count := map[string]int{}
	for _, o := range list {
		count[o.State]++
	}
	switch {
	case count[prepare.Failed] > 0:
		return fmt.Errorf("%d of %d tasks failed: see above", count[prepare.Failed], len(list))
	case count[prepare.Missing] == len(list):
		return fmt.Errorf("%s has no files of VTAB-1k's data sets under their published names", c.From)
	}
	return nil
}
