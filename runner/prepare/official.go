package prepare

import (
	"context"
	"strconv"

	"dtl-tf/runner/data"
	"dtl-tf/runner/internal/origin"
)

// keyed is implemented by sources that know the keys by which TFDS identifies images.
type keyed interface{ key(at ref) string }

// rowKeys are the keys of data sets whose records are rows of an array.
type rowKeys struct{}

func (rowKeys) key(at ref) string { return strconv.Itoa(at.index) }

// compareKeys notes which images are chosen, and whether they are the official ones.
func (r *Record) compareKeys(from source, p plan) {
	s, ok := from.(keyed)
	if !ok || !r.Official {
		return
	}
	r.Keys = map[string]string{}
	for list, refs := range p {
		keys := make([]string, len(refs))
		for i, at := range refs {
			keys[i] = s.key(at)
		}
		digest := origin.Digest(keys)
		r.Keys[listNames[list]] = digest
		if why := origin.Compare(r.Task, listNames[list], digest, ""); why != "" {
			r.unofficial("%s", why)
		}
	}
}

// compareLabels compares the labels of the lists with the official ones, as far as those are known.
func (r *Record) compareLabels(entries [lists][]entry) {
	for list, all := range entries {
		labels := make([]int, len(all))
		for i, e := range all {
			labels[i] = e.label
		}
		if why := origin.Compare(r.Task, listNames[list], "", origin.Digest(labels)); why != "" && r.Official {
			r.unofficial("%s", why)
		}
	}
}

// fingerprint fills in what runs record for the data set.
func (r *Record) fingerprint(ctx context.Context, set *data.Set) error {
	items, err := set.Split(data.TrainVal)
	if err != nil {
		return err
	}
	held, err := set.Split(data.Test)
	if err != nil {
		return err
	}
	training := len(items)
	items = append(items, held...)
	sums, err := set.Sums(ctx, items)
	if err != nil {
		return err
	}
	r.Training = data.FingerprintOf(items[:training], sums[:training])
	r.Fingerprint = data.FingerprintOf(items, sums)
	return nil
}
