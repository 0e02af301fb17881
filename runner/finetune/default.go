package finetune

import (
	"errors"
	"fmt"
	"io/fs"
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

// Settings for data sets that do not come as the lists of VTAB-1k. The epochs take less than a quarter of the published recipe's time. The
// learning rate and drop path are DTL's, from a search on a ViT-Ti that docs/training.md prints: on caltech101 they lose 0.4 points to the
// best of 12 points, on the photographs of PACS 1.5, where one standard deviation of the test is a point.
const (
	ownEpochs   = 25
	ownTest     = 0.15
	ownRate     = 2e-3
	ownDropPath = 0.1
)

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

// chooseForData fills in the epochs, with Auto the share of the test images, and what short runs of DTL need.
func (c *Config) chooseForData(set *data.Set, method string, note runner.NoteFunc) error {
	own := set.Layout != data.LayoutLists
	held := slices.Contains(set.Splits(), data.Test) || slices.Contains(set.Splits(), data.Val)
	if c.Auto.Test && own && !held && c.EvalSplit == "" && len(c.Targets) == 0 {
		c.Test = ownTest
		note("--test %v: there are no test images, so some are set aside to measure the accuracy", ownTest)
	}
	if !c.Auto.Epochs {
		return nil
	}
	c.Epochs = train.DefaultEpochs
	if own {
		c.Epochs = max(ownEpochs, c.Views)
		note("--epochs %d: enough for most data sets of one's own; %d are what is published for VTAB-1k", c.Epochs, train.DefaultEpochs)
		if method == "dtl" {
			c.chooseForShort(note)
		}
	}
	return c.checkAugmentation()
}

// chooseForShort fills in the learning rate and drop path of DTL in ownEpochs. Only the blocks that change anyway are dropped, so that the
// feature cache keeps its use.
func (c *Config) chooseForShort(note runner.NoteFunc) {
	const why = "good in so few epochs on two data sets of photographs; dtl-tf vtab search compares others"
	if c.LearningRate == 0 {
		c.LearningRate = ownRate
		note("--lr %v: %s", c.LearningRate, why)
	}
	if c.Auto.DropPath {
		c.DropPath, c.DropPathScope = ownDropPath, dtl.DropPathSuffix
		note("--drop-path %v --drop-path-scope %s: %s", c.DropPath, c.DropPathScope, why)
	}
}
