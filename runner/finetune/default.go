package finetune

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"dtl-tf/runner"
	"dtl-tf/runner/data"
	"dtl-tf/runner/train"
)

// This file chooses what depends on the data set and the user has not given.

// runsFolder is where runs go without --out.
const runsFolder = "runs"

// ownEpochs and ownTest are for data sets that do not come as the lists of VTAB-1k. The epochs take less than a quarter of the published
// recipe's time. On the photographs of PACS (ViT-Ti, three learning rates, with and without drop path, one run each of 350 test images)
// 25 epochs reached 94.9 to 96.6 %, 15 epochs 93.7 to 97.1 %.
const (
	ownEpochs = 25
	ownTest   = 0.15
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

// chooseForData fills in the epochs, and with Auto the share of the test images.
func (c *Config) chooseForData(set *data.Set, note runner.NoteFunc) error {
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
	}
	return c.checkAugmentation()
}
