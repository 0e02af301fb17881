package infer

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"dtl-tf/graph/spell"
	"dtl-tf/runner"
	"dtl-tf/runner/assess"
	"dtl-tf/runner/assess/page"
	"dtl-tf/runner/internal/adapter"
	"dtl-tf/runner/result"
)

// checkOut checks the folder that answers and report go to before anything is read. The folder of a run is refused, because its files
// belong to the run's own evaluation.
func (c EvalConfig) checkOut() error {
	switch entries, err := os.ReadDir(c.Out); {
	case c.Out == "" && c.Overwrite:
		return runner.Usagef("--overwrite needs --out: without it nothing is written")
	case c.Out == "" || errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return fmt.Errorf("--out: %w", err)
	case exists(filepath.Join(c.Out, result.RunFile)):
		return fmt.Errorf("%s holds a run, whose own evaluation would be replaced: choose another --out", c.Out)
	case len(entries) > 0 && !c.Overwrite:
		return fmt.Errorf("%s: exists already: add --overwrite to replace the evaluation in it, or choose another --out", c.Out)
	case len(entries) > 0 && !c.holdsEvaluation(entries):
		return fmt.Errorf("%s holds no evaluation that --overwrite could replace: choose another --out", c.Out)
	}
	return nil
}

// holdsEvaluation reports whether Out, which has entries, has an evaluation, a comparison, or the folder of a task.
func (c EvalConfig) holdsEvaluation(entries []os.DirEntry) bool {
	return exists(filepath.Join(c.Out, result.EvaluationFile)) || exists(filepath.Join(c.Out, page.ComparisonFile)) ||
		slices.ContainsFunc(entries, func(e os.DirEntry) bool { return exists(filepath.Join(c.Out, e.Name(), result.EvaluationFile)) })
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// checkNames checks that the names of tasks can be names of folders.
func (c EvalConfig) checkNames(files []adapter.Named) error {
	for _, f := range files {
		if c.Out != "" && (f.Name == "." || !filepath.IsLocal(f.Name) || strings.ContainsAny(f.Name, `/\`)) {
			return runner.Usagef("--out makes a folder for each adapter, and %s can't be its name: name the adapter with --adapter NAME=FILE", spell.Line(f.Name))
		}
	}
	return nil
}

// remove removes files of an earlier evaluation that are not replaced.
func remove(folder string, names ...string) error {
	for _, name := range names {
		if err := os.Remove(filepath.Join(folder, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("--overwrite: %w", err)
		}
	}
	return nil
}

// writeEvaluation writes answers, figures and report into a folder.
func writeEvaluation(folder string, e *assess.Evaluation, note runner.NoteFunc) (*page.Subject, error) {
	if err := os.MkdirAll(folder, 0o777); err != nil {
		return nil, fmt.Errorf("--out: %w", err)
	}
	if err := e.Write(folder); err != nil {
		return nil, err
	}
	if e.Several != nil {
		if err := remove(folder, result.ConfusionFile); err != nil {
			return nil, err
		}
	}
	s := &page.Subject{Evaluation: e, Folder: folder}
	path := filepath.Join(folder, result.ReportFile)
	if err := s.WriteFile(path, note); err != nil {
		return nil, err
	}
	note("report: %s", spell.Line(path))
	return s, nil
}
