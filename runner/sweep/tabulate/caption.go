package tabulate

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"dtl-tf/runner/result"
)

// ScoresOver is the sentence of a caption on what the scores are, and over which seeds. seed is what the benchmark calls a seed.
func ScoresOver(what, seed string, seeds []uint64) string {
	if len(seeds) == 1 {
		return fmt.Sprintf("%s, %s %d.", what, seed, seeds[0])
	}
	return fmt.Sprintf("%s: mean and sample standard deviation over the %ss %s.", what, seed, JoinSeeds(seeds))
}

// JoinSeeds formats seeds as "42, 43".
func JoinSeeds(seeds []uint64) string {
	return strings.Trim(strings.ReplaceAll(fmt.Sprint(seeds), " ", ", "), "[]")
}

// Backbone is the sentence of a caption on the backbone.
func Backbone(b result.Backbone) string {
	return fmt.Sprintf("Backbone: %s, %s, sha256 %.12s.", backboneFile(b), b.Architecture, b.SHA256)
}

// backboneFile names the file of a backbone, or the model and the commit if it is from a hub.
func backboneFile(b result.Backbone) string {
	if b.Repo != "" {
		return b.Repo + " at commit " + b.Commit
	}
	return filepath.Base(b.Path)
}

// BackboneOf is the sentence on the backbone of cells that passed CheckOrigin. ok is false if none of them is usable.
func BackboneOf[S Source](cells []S) (text string, ok bool) {
	i := slices.IndexFunc(cells, usable)
	if i < 0 {
		return "", false
	}
	return Backbone(cells[i].File().Run.Backbone), true
}

func usable[S Source](c S) bool { return c.File().Usable() == nil }

// Transforms describes what is done to the images of training and test. views and resize are 0 for none.
func Transforms(augment string, views, resize, crop int) string {
	text := "augmentation " + augment
	if views > 0 {
		text += fmt.Sprintf(" in %d views of each image", views)
	}
	if resize > 0 {
		text += fmt.Sprintf("; test images scaled to %d x %d, of which the centre of %d x %d", resize, resize, crop, crop)
	}
	return text
}
