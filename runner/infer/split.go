package infer

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"dtl-tf/runner"
	"dtl-tf/runner/data"
	"dtl-tf/runner/report"
	"dtl-tf/runner/result"
)

// splitOf returns the images of a split. If the run that trained the adapter divided this data set (--val, --test), they are those that
// the run's split.csv lists; a data set with none of the listed images is another one, whose own splits count.
func splitOf(ctx context.Context, set *data.Set, split, adapter string, note runner.NoteFunc) ([]data.Item, error) {
	items, own := set.Split(split)
	folder := filepath.Dir(adapter)
	run, err := result.ReadRun(folder)
	if adapter == "" || err != nil || run.Data.Split == nil {
		return items, usage(own)
	}
	listed := split
	if listed == data.TrainVal { // what the run trained on by default
		listed = data.Train
	}
	fingerprint := run.Data.Split.Fingerprints[listed]
	file := filepath.Join(folder, result.SplitFile)
	if fingerprint == "" && own != nil {
		return nil, runner.Usagef("%w; %s lists %s", own, file, strings.Join(slices.Sorted(maps.Keys(run.Data.Split.Fingerprints)), ", "))
	}
	if fingerprint == "" {
		return items, nil
	}
	listing, err := data.ReadListing(file, set.LabelSets != nil)
	if err != nil {
		return nil, err
	}
	found, err := listing.Take(ctx, set, listed, fingerprint)
	switch {
	case errors.Is(err, data.ErrOtherData) && own == nil:
		note("%s has none of the images that %s lists: its own split %s is used", set.Root, file, split)
		return items, nil
	case errors.Is(err, data.ErrOtherData):
		return nil, runner.Usagef("%w, and none that %s lists", own, file)
	case ctx.Err() != nil:
		return nil, fmt.Errorf("interrupted: %w", ctx.Err())
	case err != nil:
		return nil, err
	}
	note("%s: %s of the split %s of the run", file, report.Count(len(found), "image"), listed)
	return found, nil
}

// usage makes an error of a split wrong usage.
func usage(err error) error {
	if err == nil {
		return nil
	}
	return &runner.UsageError{Err: err}
}
