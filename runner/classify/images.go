package classify

import (
	"context"
	"fmt"

	"dtl-tf/graph/jpeg"
	"dtl-tf/runner"
	"dtl-tf/runner/data"
)

// Once are the options of a loader that reads every image once, in order.
func Once(batch int, skipBad bool, s *data.Skips) data.LoaderOptions {
	return data.LoaderOptions{Batch: batch, CacheBytes: -1, SkipBad: skipBad, OnBad: s.Add}
}

// Sequential is a loader that reads every item once, in order.
func Sequential(items []data.Item, size, batch, threads int, skipBad bool, s *data.Skips) (*data.Loader, func(), error) {
	decoder, err := jpeg.NewDecoder(threads)
	if err != nil {
		return nil, nil, err
	}
	loader, err := data.NewLoader(items, data.Images{Decoder: decoder, Size: size}, Once(batch, skipBad, s))
	if err != nil {
		decoder.Close()
		return nil, nil, err
	}
	return loader, func() { loader.Close(); decoder.Close() }, nil
}

// Survey surveys images and says what a user should know of them.
func Survey(ctx context.Context, items []data.Item, note func(string, ...any)) (data.Survey, error) {
	s, err := data.Look(ctx, items)
	if err != nil {
		return s, fmt.Errorf("interrupted: %w", err)
	}
	runner.NoteAll(s.Notes(), note)
	return s, nil
}
