package finetune

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"path/filepath"
	"slices"

	"dtl-tf/runner"
	"dtl-tf/runner/data"
)

// DataFingerprint is the fingerprint, as run.json has it, of the images that a run reads. Auto has no meaning.
func (c Config) DataFingerprint(ctx context.Context) (string, error) {
	c = c.filled()
	set, err := c.openSet()
	if err != nil {
		return "", c.namesFlag(err)
	}
	d, err := c.gather(ctx, set, func(string, ...any) {})
	if err != nil {
		return "", err
	}
	return d.fingerprint, nil
}

// gather chooses the images of a run and reads their files once, for the sums. The data set has no decoder and no loaders.
func (c Config) gather(ctx context.Context, set *data.Set, note runner.NoteFunc) (*dataset, error) {
	division, err := c.divide(ctx, set, note)
	if err != nil {
		return nil, err
	}
	items, err := set.Split(c.trainSplit())
	if err != nil {
		return nil, err
	}
	held, split, err := c.evaluationItems(set)
	if err != nil {
		return nil, err
	}
	if held == nil && c.Holdout > 0 {
		hold := data.Holdout
		if set.LabelSets != nil {
			hold = set.HoldoutSeveral
		}
		if items, held, err = hold(items, c.Holdout, c.Seed); err != nil {
			return nil, runner.Usagef("--holdout: %w", err)
		}
		split = fmt.Sprintf("holdout of %g of %s", c.Holdout, c.trainSplit())
	}
	watched, err := c.validationItems(set, items)
	if err != nil {
		return nil, err
	}
	targets, err := c.openTargets(set, note)
	if err != nil {
		return nil, err
	}
	d := &dataset{
		set: set, items: items, watched: watched, held: held, classes: set.Classes, classNames: set.ClassNames, name: filepath.Base(filepath.Clean(c.Data)), division: division,
		counts: map[string]int{c.trainSplit(): len(items)}, testSplit: split, targets: targets, skipped: &data.Skips{Note: note},
	}
	if held != nil {
		d.counts[split] = len(held)
	}
	if watched != nil {
		d.counts[data.Val] = len(watched)
	}
	d.all = slices.Concat(items, watched, held)
	for _, t := range targets {
		d.counts[t.name] = len(t.items)
		d.all = append(d.all, t.items...)
	}
	if d.allSums, err = set.Sums(ctx, d.all); err != nil {
		return nil, cmp.Or(interrupted(ctx), err)
	}
	if held != nil {
		if d.evaluated, err = set.ContentOf(ctx, held); err != nil {
			return nil, err
		}
	}
	d.fingerprint = data.FingerprintOf(d.all, d.allSums)
	if c.Select == SelectLast { // the result does not depend on the images that a run looks at
		end := len(items) + len(watched)
		d.fingerprint = data.FingerprintOf(slices.Concat(items, d.all[end:]), slices.Concat(d.sums(), d.allSums[end:]))
	}
	if set.LabelSets != nil { // a label is the index of one
		sum := sha256.Sum256(fmt.Appendf(nil, "%s %q %v", d.fingerprint, set.ClassNames, set.LabelSets))
		d.fingerprint = hex.EncodeToString(sum[:])
	}
	return d, nil
}
