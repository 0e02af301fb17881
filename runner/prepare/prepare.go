package prepare

import (
	"context"
	"errors"
	"fmt"
	"time"

	"dtl-tf/runner/data"
	"dtl-tf/runner/report"
)

// Run prepares a data set and returns its record, which is in the data set's folder too. Nothing is left behind
// where it fails or is interrupted. Errors that match ErrUsage are mistakes in c.
func Run(ctx context.Context, c Config, ui UI) (*Record, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	if _, _, err := taskOf(c); err != nil {
		return nil, err
	}
	s, err := openStage(c)
	if err != nil {
		return nil, err
	}
	defer s.Discard()
	r := &Record{Program: "dtl-tf " + c.Version, Prepared: time.Now().UTC().Format(time.RFC3339),
		Options: Options{Train: c.Train, Val: c.Val, Link: c.Link}}
	if c.Test > 0 {
		r.Options.Test = &c.Test
	}
	ui.note("reading %s", c.From)
	from, err := open(ctx, c)
	if err != nil {
		return nil, explain(ctx, err)
	}
	from.describe(r)
	p, err := from.plan(ctx, c, r)
	if err != nil {
		return nil, explain(ctx, err)
	}
	if err := fill(ctx, from, p, s.Folder, r, c, ui); err != nil {
		return nil, explain(ctx, err)
	}
	if err := r.write(s.Folder); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := s.Publish(); err != nil {
		return nil, fmt.Errorf("--out: %w", err)
	}
	return ReadRecord(c.Out)
}

// fill writes images and lists, and reads them back as training will.
func fill(ctx context.Context, from source, p plan, folder string, r *Record, c Config, ui UI) error {
	w, err := newWriter(folder, c.Link, p)
	if err != nil {
		return err
	}
	total := len(p[train]) + len(p[val]) + len(p[test])
	progress := report.NewProgress(ui.Err, ui.Quiet)
	step, done := progress.Task("writing images", total), 0
	defer progress.Break()
	err = from.extract(ctx, p, func(to place, img picture) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := w.put(to, img); err != nil {
			return err
		}
		done++
		step(done)
		return nil
	})
	if err != nil {
		return err
	}
	if done != total {
		return fmt.Errorf("%s: only %d of %d images turned up again: did it change meanwhile?", c.From, done, total)
	}
	if err := w.finish(r); err != nil {
		return err
	}
	if r.Sources, err = sumSources(ctx, r.Sources, c.From, r, ui); err != nil {
		return err
	}
	ui.note("computing the data's fingerprint")
	set, err := data.OpenClasses(folder, r.Classes)
	if err != nil {
		return fmt.Errorf("the data set that was made cannot be read back: %w", err)
	}
	var items []data.Item
	for _, split := range []string{data.TrainVal, data.Test} {
		part, err := set.Split(split)
		if err != nil {
			return err
		}
		items = append(items, part...)
	}
	r.Fingerprint, err = data.Fingerprint(ctx, items)
	return err
}

// explain makes every error that an interruption causes the interruption.
func explain(ctx context.Context, err error) error {
	if ctx.Err() != nil && !errors.Is(err, context.Canceled) {
		return ctx.Err()
	}
	return err
}

// tooFew says what to change where a source has less than was asked for; what tells what it has.
func tooFew(c Config, flag string, want int, what string) error {
	return fmt.Errorf("%s: too few images: %s for %s %d: lower it", c.From, what, flag, want)
}
