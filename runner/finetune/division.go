package finetune

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"strings"

	"dtl-tf/runner"
	"dtl-tf/runner/data"
	"dtl-tf/runner/report"
	"dtl-tf/runner/result"
)

// divide makes the splits that --val and --test ask for, nil if they do not.
func (c Config) divide(ctx context.Context, set *data.Set, note runner.NoteFunc) (*data.Division, error) {
	if c.Val == 0 && c.Test == 0 {
		return nil, nil
	}
	d, err := set.Divide(ctx, data.Shares{Val: c.Val, Test: c.Test, Seed: c.Seed})
	var impossible *data.DivisionError
	switch {
	case errors.As(err, &impossible):
		return nil, runner.Usagef("%w", err)
	case err != nil:
		return nil, cmp.Or(interrupted(ctx), err)
	}
	var parts []string
	for _, split := range []string{data.Train, data.Val, data.Test} {
		if d.Fingerprints[split] == "" {
			continue
		}
		items, err := set.Split(split)
		if err != nil {
			return nil, err
		}
		parts = append(parts, split+" "+report.Thousands(len(items)))
	}
	note("divided, images of each split: %s (%s lists them)", strings.Join(parts, ", "), result.SplitFile)
	return d, nil
}

// countVal counts the images that --val set aside.
func (d *dataset) countVal() {
	if d.division == nil || d.division.Val == 0 {
		return
	}
	if items, err := d.set.Split(data.Val); err == nil {
		d.counts[data.Val] = len(items)
	}
}

// listing is the content of split.csv, nil without a division.
func (d *dataset) listing() ([]byte, error) {
	if d.division == nil {
		return nil, nil
	}
	var b bytes.Buffer
	err := d.set.WriteDivision(&b, d.division)
	return b.Bytes(), err
}

// recordSplit describes the division in the record of the run.
func (r *run) recordSplit() error {
	content, err := r.data.listing()
	if err != nil || content == nil {
		return err
	}
	sum := sha256.Sum256(content)
	v := r.data.division
	r.record.Data.Split = &result.Split{
		File: result.SplitFile, SHA256: hex.EncodeToString(sum[:]), Val: v.Val, Test: v.Test, Seed: v.Seed, Fingerprints: v.Fingerprints,
	}
	return nil
}

// writeSplit writes split.csv.
func (r *run) writeSplit() error {
	content, err := r.data.listing()
	if err != nil || content == nil {
		return err
	}
	return result.WriteFile(r.folder.Path(result.SplitFile), func(w io.Writer) error {
		_, err := w.Write(content)
		return err
	})
}
