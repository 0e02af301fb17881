package sweep

import (
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
)

// Placed is the content of a cell's file that knows where the file belongs.
type Placed interface {
	Key() string                // names the cell in messages
	Path(results string) string // of the file, in a folder of results
}

// Misplaced returns the error for a cell whose file is not at its path.
func Misplaced[C Placed](c C, results string) error {
	return fmt.Errorf("holds the cell %s, which belongs in %s", c.Key(), c.Path(results))
}

// ReadCells reads every cell below a folder of results, the files seed-*.json, in the order of paths. read reads one. bad has an
// error for each file that can't be read, or that is not at the path of its cell, for which misplaced has the reason. err is not nil
// if a folder can't be read.
func ReadCells[C Placed](results string, read func(path string) (C, error), misplaced func(c C, results string) error) (cells []C, bad []error, err error) {
	err = filepath.WalkDir(results, func(path string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case e.IsDir() && strings.HasPrefix(e.Name(), ".") && path != results:
			return filepath.SkipDir
		case e.IsDir() || !strings.HasPrefix(e.Name(), "seed-") || filepath.Ext(e.Name()) != ".json":
			return nil
		}
		c, err := read(path)
		if err == nil && c.Path(results) != path {
			err = &BadCellError{path, misplaced(c, results)}
		}
		if err != nil {
			bad = append(bad, err)
			return nil
		}
		cells = append(cells, c)
		return nil
	})
	if err != nil {
		return nil, nil, fmt.Errorf("results: %w", err)
	}
	return cells, bad, nil
}
