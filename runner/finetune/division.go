package finetune

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"

	"dtl-tf/runner"
	"dtl-tf/runner/data"
	"dtl-tf/runner/report"
	"dtl-tf/runner/result"
)

// divide makes the splits that --val and --test ask for, nil if they do not. It refuses a set of one class.
func (c Config) divide(ctx context.Context, set *data.Set, note runner.NoteFunc) (*data.Division, error) {
	if set.Classes < 2 {
		return nil, fmt.Errorf("data set %s has one class: there is nothing to classify", c.Data)
	}
	if c.Val == 0 && c.Test == 0 {
		return nil, nil
	}
	d, err := set.Divide(ctx, data.Shares{Val: c.Val, Test: c.Test, Seed: c.Seed})
	var impossible *data.DivisionError
	switch {
	case errors.As(err, &impossible) && c.Auto.Test && c.Val == 0:
		note("no test images are set aside: %v", err)
		return nil, nil
	case errors.As(err, &impossible):
		return nil, runner.Usagef("%w", err)
	case err != nil:
		return nil, cmp.Or(interrupted(ctx), err)
	}
	if c.Auto.Test && c.Test > 0 {
		note("--test %v: there are no test images, so some are set aside to measure the accuracy", c.Test)
	}
	var parts []string
	for _, split := range []string{data.Train, data.Val, data.Test} {
		if n := d.Images[split]; n > 0 {
			parts = append(parts, split+" "+report.Thousands(n))
		}
	}
	note("divided, images of each split: %s (%s lists them)", strings.Join(parts, ", "), result.SplitFile)
	return d, nil
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

// split describes the division for the record of the run, nil without one.
func (d *dataset) split() *result.Split {
	if d.division == nil {
		return nil
	}
	content, _ := d.listing() // writing into memory does not fail
	sum := sha256.Sum256(content)
	v := d.division
	return &result.Split{
		File: result.SplitFile, SHA256: hex.EncodeToString(sum[:]), Val: v.Val, Test: v.Test, Seed: v.Seed, Images: v.Images, Fingerprints: v.Fingerprints,
	}
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
