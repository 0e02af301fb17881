package finetune

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"dtl-tf/dtl"
	"dtl-tf/runner"
	"dtl-tf/runner/data"
	"dtl-tf/runner/train"
)

// This file chooses what depends on the data set and the user has not given.

// runsFolder is where runs go without --out.
const runsFolder = "runs"

// OwnTest is the share of the images of a data set without test images that are set aside to measure the accuracy.
const OwnTest = 0.15

// Settings for data sets that do not come as the lists of VTAB-1k. The epochs take less than a quarter of the published recipe's time. Drop
// path is DTL's, from searches on a ViT-Ti that docs/training.md prints, with 15 to 110 epochs.
const (
	ownEpochs   = 25
	ownDropPath = 0.1
)

// DTL's learning rate on such data falls with the number of steps, between two limits: ownPath / steps. The best rates of the searches in
// docs/training.md are 0.003 at 800 steps, 0.005 at 225 and 0.01 at 175 and 150.
const (
	ownPath                 = 1.6
	ownLowRate, ownHighRate = 2e-3, 1e-2
)

// ownRate is DTL's learning rate for a number of steps, rounded to one digit.
func ownRate(steps int) float64 {
	rate := min(max(ownPath/float64(max(steps, 1)), ownLowRate), ownHighRate)
	return math.Round(rate*1e3) / 1e3
}

// defaultOut is the output folder of a run without --out: runs/ and the name of the data set, with a number from 2 on if that exists.
// With there it is the newest such folder.
func defaultOut(dataSet string, there bool) string {
	name := filepath.Base(filepath.Clean(dataSet))
	if absolute, err := filepath.Abs(dataSet); err == nil { // "." has no name of its own
		name = filepath.Base(absolute)
	}
	if data.IsTable(dataSet) {
		name = strings.TrimSuffix(name, filepath.Ext(name))
	}
	newest := filepath.Join(runsFolder, name)
	for i, next := 2, newest; ; i++ {
		if _, err := os.Lstat(next); errors.Is(err, fs.ErrNotExist) {
			if there {
				return newest
			}
			return next
		}
		newest, next = next, fmt.Sprintf("%s-%d", filepath.Join(runsFolder, name), i)
	}
}

// isOwn tells whether a data set is the user's own: it does not come as the lists of VTAB-1k.
func isOwn(set *data.Set) bool { return set.Layout != data.LayoutLists }

// SetsTestAside tells whether training sets OwnTest of the images of a set aside to test on, unless flags say otherwise.
func SetsTestAside(set *data.Set) bool {
	return isOwn(set) && !slices.Contains(set.Splits(), data.Test) && !slices.Contains(set.Splits(), data.Val)
}

// chooseForData fills in the epochs, with Auto the share of the test images, and for DTL on the user's own data the drop path. searched tells
// whether this is such a run, whose learning rate is then ownRate.
func (c *Config) chooseForData(set *data.Set, method string, note runner.NoteFunc) (searched bool, err error) {
	own := isOwn(set)
	if c.Auto.Test && SetsTestAside(set) && c.EvalSplit == "" && len(c.Targets) == 0 {
		c.Test = OwnTest
	}
	if c.Auto.Epochs {
		c.Epochs = train.DefaultEpochs
		if own {
			c.Epochs = max(ownEpochs, c.Views)
			note("--epochs %d: enough for most data sets of one's own; %d are what is published for VTAB-1k", c.Epochs, train.DefaultEpochs)
		}
	}
	searched = own && method == "dtl"
	if searched && c.Auto.DropPath { // only in the blocks that change anyway, so that the feature cache keeps its use
		c.DropPath, c.DropPathScope = ownDropPath, dtl.DropPathSuffix
		note("--drop-path %v --drop-path-scope %s: good on small data sets of photographs; dtl-tf vtab search compares others", c.DropPath, c.DropPathScope)
	}
	return searched, c.checkAugmentation()
}
