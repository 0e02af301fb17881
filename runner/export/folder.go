package export

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"dtl-tf/graph/savedmodel"
	"dtl-tf/runner/internal/stage"
)

// writeSavedModel makes the folder dir by calling write on another, which takes its place when it is complete and ctx has not ended.
// What is no SavedModel is not replaced.
func writeSavedModel(ctx context.Context, dir string, overwrite bool, write func(dir string) error) error {
	check := func() error { return replaceable(dir, overwrite) }
	if err := check(); err != nil { // before anything is made
		return err
	}
	s, err := stage.Open(dir, check)
	if err != nil {
		return err
	}
	defer s.Discard()
	if err := write(s.Folder); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("interrupted, %s is as it was: %w", dir, err)
	}
	return s.Publish()
}

// replaceable tells whether a new SavedModel may take the name of a folder.
func replaceable(dir string, overwrite bool) error {
	_, err := os.Stat(dir)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil
	case err != nil:
		return err
	case !overwrite:
		return fmt.Errorf("%s exists already: add --overwrite or choose another --out", dir)
	}
	if _, err := os.Stat(filepath.Join(dir, savedmodel.ModelFile)); err != nil {
		return fmt.Errorf("%s is no SavedModel and is not removed: choose another --out", dir)
	}
	return nil
}
